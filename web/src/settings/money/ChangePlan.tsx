import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "~/account/Field";
import { money, type Plan, type PlanInForce, type Preview } from "~/api/money";
import { explain } from "~/api/problems";
import { useLocale, useWords } from "~/i18n";
import { notify } from "~/notices";
import { Trouble } from "~/ui/Trouble";
import { Loaded } from "../parts/Loaded";
import { Panel } from "../parts/Panel";
import { useWhen } from "../parts/when";
import { useAmounts } from "./amounts";
import { planChanged } from "./queries";
import { useMoneyWords } from "./words";

/** Another plan: what it will cost and when, before anything happens. */
export function ChangePlan({
  plan,
  present,
  close,
}: {
  plan: Plan;
  present: PlanInForce;
  close: () => void;
}) {
  const all = useWords();
  const t = useMoneyWords().plan;
  const locale = useLocale();
  const amounts = useAmounts();
  const hasSeats = plan.seats_most !== 1;
  const [typed, setTyped] = useState(String(plan.seats_least));
  const seats = Number.parseInt(typed, 10) || plan.seats_least;
  const wanted = hasSeats ? seats : undefined;
  const subscribed = present.subscription !== null;
  const preview = useQuery({
    queryKey: ["plan", "preview", plan.id, seats],
    queryFn: () => money.preview(plan.id, wanted),
    enabled: subscribed,
  });
  // Whoever has no subscription yet begins one: at the checkout, where it costs something.
  const buys = subscribed
    ? preview.data?.when === "checkout"
    : Number(plan.monthly) > 0 && plan.trial_days === 0;
  const act = useMutation({
    async mutationFn() {
      if (buys) window.location.assign((await money.checkOut(plan.id, wanted)).url);
      else if (subscribed) await money.change(plan.id, wanted);
      else await money.subscribe(plan.id);
      return buys;
    },
    onSuccess(left) {
      if (left) return;
      planChanged();
      notify(preview.data?.when === "period_end" ? t.planned : t.changed);
      close();
    },
  });
  const total = amounts.price(String(Number(plan.monthly) * seats), plan.currency);
  return (
    <Panel
      title={t.confirmTitle(plan.title[locale] ?? plan.id)}
      close={close}
      submit={{
        label: buys ? t.toCheckout : t.change,
        busy: act.isPending || (subscribed && !preview.data),
        run: () => act.mutate(),
      }}
    >
      {hasSeats && (
        <Field
          label={t.seatsLabel}
          type="number"
          min={plan.seats_least}
          max={plan.seats_most ?? undefined}
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            act.reset();
          }}
        />
      )}
      {subscribed ? (
        <Loaded query={preview} rows={2}>
          {(found) => <Comes preview={found} />}
        </Loaded>
      ) : (
        <p className="text-pretty text-sm">{buys ? t.checkoutLead(total) : t.noChange}</p>
      )}
      {act.error && <Trouble text={explain(act.error, all)} />}
    </Panel>
  );
}

/** What a change comes to. */
function Comes({ preview }: { preview: Preview }) {
  const t = useMoneyWords().plan;
  const amounts = useAmounts();
  const { day } = useWhen();
  const say = (amount: string) => amounts.price(amount, preview.currency);
  if (preview.when === "checkout")
    return <p className="text-pretty text-sm">{t.checkoutLead(say(preview.monthly))}</p>;
  if (preview.when === "period_end")
    return <p className="text-pretty text-sm">{t.laterLead(day(preview.at), say(preview.monthly))}</p>;
  if (Number(preview.charge) === 0 && Number(preview.credit) === 0)
    return <p className="text-pretty text-sm">{t.noChange}</p>;
  const due = Number(preview.due);
  return (
    <div className="text-sm">
      <p className="text-pretty">{t.nowLead}</p>
      <dl className="mt-3 grid grid-cols-[1fr_auto] gap-y-1.5 tabular-nums">
        <dt className="text-muted">{t.creditLine}</dt>
        <dd className="text-end">{say(preview.credit)}</dd>
        <dt className="text-muted">{t.chargeLine}</dt>
        <dd className="text-end">{say(preview.charge)}</dd>
        <dt className="border-line border-t pt-1.5 font-medium">{due < 0 ? t.back : t.due}</dt>
        <dd className="border-line border-t pt-1.5 text-end font-medium">
          {say(due < 0 ? preview.due.replace("-", "") : preview.due)}
        </dd>
      </dl>
    </div>
  );
}
