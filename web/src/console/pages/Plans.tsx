import { useQuery } from "@tanstack/react-query";
import { CircleCheck } from "lucide-react";
import type { Catalogue } from "~/api/admin";
import { useLocale } from "~/i18n";
import { useAmounts } from "~/settings/money/amounts";
import { useMoneyWords } from "~/settings/money/words";
import { Loaded } from "~/settings/parts/Loaded";
import { Page } from "~/settings/parts/Page";
import { Mark } from "~/settings/parts/Rows";
import { useWhen } from "~/settings/parts/when";
import { Trouble } from "~/ui/Trouble";
import { cataloguesQuery } from "../queries";
import { useConsoleWords } from "../words";

/** The plans in force, and what is wrong with the file that changes them. */
export default function Plans() {
  const t = useConsoleWords().plans;
  const query = useQuery({ ...cataloguesQuery, refetchInterval: 5_000 });
  return (
    <Page title={t.title} lead={t.lead}>
      <Loaded query={query}>
        {(catalogue) => (
          <div className="space-y-8">
            <State catalogue={catalogue} />
            <Table catalogue={catalogue} />
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function State({ catalogue: { file, file_exists, problems } }: { catalogue: Catalogue }) {
  const t = useConsoleWords().plans;
  if (problems.length === 0)
    return (
      <p className="flex gap-2.5 text-sm">
        <CircleCheck aria-hidden className="mt-0.5 size-4 flex-none text-positive" />
        <span className="min-w-0 break-words">{file_exists ? t.fileGood(file) : t.noFile(file)}</span>
      </p>
    );
  return (
    <div>
      <Trouble text={t.broken(file)} />
      <ul className="space-y-2 text-sm">
        {problems.map(({ line, field, message }) => (
          <li key={`${line} ${field} ${message}`} className="break-words">
            {line !== null && <span className="text-muted">{t.line(line)} · </span>}
            {field && <code className="font-mono text-[0.875em]">{field}</code>} {message}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Table({ catalogue }: { catalogue: Catalogue }) {
  const t = useConsoleWords().plans;
  const words = useMoneyWords();
  const locale = useLocale();
  const amounts = useAmounts();
  const { day } = useWhen();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must be able to reach it
    <section aria-label={t.title} tabIndex={0} className="overflow-x-auto">
      <table className="w-full min-w-[44rem] border-collapse text-sm tabular-nums">
        <thead>
          <tr className="border-control border-b text-start">
            {[t.plan, t.price, t.limits].map((name) => (
              <th key={name} scope="col" className="py-2 pe-6 font-medium">
                {name}
              </th>
            ))}
            <th scope="col" className="py-2 text-end font-medium">
              {t.weight}
            </th>
          </tr>
        </thead>
        <tbody>
          {catalogue.items.map((plan) => (
            <tr key={plan.id} className="border-line border-b align-top">
              <th scope="row" className="max-w-72 py-3 pe-6 text-start font-normal">
                <span className="flex flex-wrap items-center gap-x-2.5 font-medium">
                  {plan.title[locale]}
                  {plan.id === catalogue.default_plan && <Mark look="good">{t.byDefault}</Mark>}
                  {!plan.listed && plan.id !== catalogue.default_plan && <Mark>{t.unlisted}</Mark>}
                </span>
                <span className="text-muted">
                  <code className="font-mono text-[0.875em]">{plan.id}</code> ·{" "}
                  {t.subscribers(plan.subscribers)}
                </span>
              </th>
              <td className="py-3 pe-6">
                {Number(plan.monthly) > 0
                  ? amounts.price(plan.monthly, plan.currency)
                  : plan.overage === "charge"
                    ? words.plan.byToken
                    : words.plan.free}
                {plan.next_price && (
                  <span className="block text-muted">
                    {t.next(
                      amounts.price(plan.next_price.monthly, plan.currency),
                      day(plan.next_price.since),
                    )}
                  </span>
                )}
              </td>
              <td className="py-3 pe-6">
                {plan.limits.length === 0 && <span className="text-muted">{t.noLimits}</span>}
                {plan.limits.map((limit) => (
                  <span key={`${limit.meter} ${limit.per} ${limit.models}`} className="block">
                    {words.limits.name(
                      limit.meter,
                      words.limits.span(limit.per),
                      limit.models.join(", ") || null,
                    )}
                    <span className="text-muted"> · {amounts.count(limit.amount)}</span>
                  </span>
                ))}
              </td>
              <td className="py-3 text-end">{amounts.count(plan.weight)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
