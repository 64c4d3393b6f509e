import type { Limit } from "~/api/money";
import { useNow } from "~/i18n";
import { useAmounts } from "./amounts";
import { useMoneyWords } from "./words";

/** How far each limit is used, and when it comes back. */
export function Limits({ limits }: { limits: readonly Limit[] }) {
  const t = useMoneyWords();
  if (limits.length === 0) return <p className="text-muted text-sm">{t.limits.none}</p>;
  return (
    <ul aria-label={t.limits.title} className="space-y-5">
      {limits.map((limit) => (
        <One key={`${limit.kind} ${limit.meter} ${limit.per} ${limit.model} ${limit.whose}`} limit={limit} />
      ))}
    </ul>
  );
}

function One({ limit }: { limit: Limit }) {
  const t = useMoneyWords().limits;
  const amounts = useAmounts();
  const now = useNow();
  const say = (value: number) => (limit.meter === "money" ? amounts.dollars(value) : amounts.count(value));
  const name = t.name(limit.meter, t.span(limit.per), limit.model);
  const part = limit.amount === 0 ? 1 : Math.min(1, limit.used / limit.amount);
  const full = limit.remaining === 0;
  return (
    <li>
      <div className="flex flex-wrap items-baseline gap-x-4 text-sm">
        <span className="me-auto font-medium">
          {name}
          {limit.kind === "budget" && <span className="font-normal text-muted"> · {t.budget}</span>}
          {limit.kind === "included" && <span className="font-normal text-muted"> · {t.included}</span>}
        </span>
        <span className="tabular-nums">{t.used(say(limit.used), say(limit.amount))}</span>
      </div>
      <div
        role="progressbar"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(part * 100)}
        className="mt-2 h-1.5 overflow-hidden rounded-full bg-tint-strong"
      >
        <div
          className={`h-full rounded-full ${full ? "bg-danger" : part >= 0.8 ? "bg-caution" : "bg-accent"}`}
          style={{ width: `${part * 100}%` }}
        />
      </div>
      <p className="mt-1.5 text-muted text-sm">
        {t.left(say(limit.remaining))}
        {limit.held > 0 && <> {t.held(say(limit.held))}</>} {resets(limit)}
      </p>
    </li>
  );

  function resets({ resets_at, per }: Limit): string {
    if (resets_at === null) return per.endsWith("s") ? t.notBegun : t.never;
    const minutes = Math.max(1, Math.ceil((new Date(resets_at).getTime() - now) / 60_000));
    return minutes <= 48 * 60
      ? t.resetsIn(minutes, amounts.moment(resets_at))
      : t.resets(amounts.moment(resets_at));
  }
}
