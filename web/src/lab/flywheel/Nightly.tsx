import type { Flywheel } from "~/api/lab";
import { useAmounts } from "~/settings/money/amounts";
import { Section } from "~/settings/parts/Page";
import { useWheelWords } from "./words";

type Plan = NonNullable<Flywheel["nightly"]>;

/** What begins by itself each night, when next, and how it went last. */
export function Nightly({ plan }: { plan: Plan }) {
  const t = useWheelWords().nightly;
  const { moment, count, percent } = useAmounts();
  const share = percent(plan.share_percent / 100);
  return (
    <Section title={t.title}>
      <div className="max-w-[44rem] space-y-1 text-pretty">
        <p>
          {t.next(moment(plan.next_at))} {t.fresh(count(plan.fresh), count(plan.least))}
        </p>
        <p className="text-muted text-sm">
          {t.unseen} {plan.promotes ? t.promotes(share) : t.canary(share)}
        </p>
        {plan.last && (
          <p className="text-sm">
            {t.last(moment(plan.last.due_at))} <Outcome night={plan.last} />
          </p>
        )}
      </div>
    </Section>
  );
}

function Outcome({ night }: { night: NonNullable<Plan["last"]> }) {
  const t = useWheelWords().nightly;
  const { count } = useAmounts();
  const said = t[night.outcome];
  return typeof said === "string" ? said : said(count(night.fresh));
}
