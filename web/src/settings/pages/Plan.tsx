import { useMutation, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { Check } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Field } from "~/account/Field";
import { money, type PlanCatalogue, type Plan as PlanData, type PlanInForce } from "~/api/money";
import { explain } from "~/api/problems";
import { subscriptionQuery, workspacesQuery } from "~/api/queries";
import { useLocale, useWords } from "~/i18n";
import { notify } from "~/notices";
import { usePreference } from "~/preferences";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { typedDollars, useAmounts } from "../money/amounts";
import { ChangePlan } from "../money/ChangePlan";
import { Limits } from "../money/Limits";
import { creditQuery, limitsQuery, planChanged, plansQuery } from "../money/queries";
import { useMoneyWords } from "../money/words";
import { Confirm } from "../parts/Confirm";
import { Loaded } from "../parts/Loaded";
import { Page, Section } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { useWhen } from "../parts/when";

/** What one's plan includes, how far it is used, and how to have another one. */
export default function Plan() {
  const words = useMoneyWords();
  const t = words.plan;
  const mine = useQuery(subscriptionQuery);
  const offered = useQuery(plansQuery);
  const limits = useQuery(limitsQuery);
  const acting = usePreference("workspace");
  const { data: workspaces } = useQuery(workspacesQuery);
  const workspace = workspaces?.find(({ id }) => id === acting);
  const { paid } = useSearch({ strict: false });
  useEffect(() => {
    if (paid) notify(t.paid);
  }, [paid, t]);
  const mayChange = workspace?.role !== "member";
  return (
    <Page title={t.title} lead={workspace ? t.ofWorkspace(workspace.name) : t.lead}>
      <Loaded query={mine}>
        {(present) => (
          <Loaded query={offered}>
            {(catalogue) => {
              const sold = sells(present, catalogue);
              return (
                <>
                  <Present present={present} catalogue={catalogue} mayChange={mayChange} sold={sold} />
                  <Section title={words.limits.title}>
                    <Loaded query={limits}>{(found) => <Limits limits={found} />}</Loaded>
                  </Section>
                  {(present.plan.overage === "charge" || sold) && (
                    <Credit
                      canBuy={catalogue.takes_cards && mayChange}
                      shown={present.plan.overage === "charge"}
                    />
                  )}
                  {sold && <Others present={present} catalogue={catalogue} mayChange={mayChange} />}
                  {present.plan.overage === "charge" && <TokenPrices catalogue={catalogue} />}
                </>
              );
            }}
          </Loaded>
        )}
      </Loaded>
    </Page>
  );
}

/** Whether there is anything to be had here other than what one has for nothing. */
function sells({ plan, subscription }: PlanInForce, { items, takes_cards }: PlanCatalogue): boolean {
  return takes_cards || subscription !== null || items.some(({ id }) => id === plan.id);
}

function Present({
  present: { plan, subscription },
  catalogue,
  mayChange,
  sold,
}: {
  present: PlanInForce;
  catalogue: PlanCatalogue;
  mayChange: boolean;
  sold: boolean;
}) {
  const t = useMoneyWords().plan;
  const locale = useLocale();
  const { day } = useWhen();
  const cost = useCost();
  const [cancelling, setCancelling] = useState(false);
  const resume = useMutation({
    mutationFn: money.resume,
    onSuccess() {
      planChanged();
      notify(t.resumed);
    },
  });
  const portal = useMutation({ mutationFn: money.portal, onSuccess: ({ url }) => leaveTo(url) });
  const all = useWords();
  const titleOf = (id: string) => catalogue.items.find((item) => item.id === id)?.title[locale] ?? id;
  const ending = subscription?.cancel_at_period_end || subscription?.pending_plan_id;
  const facts: (string | false | null | undefined)[] = [
    subscription && subscription.seats > 1 && t.seats(subscription.seats),
    subscription?.status === "trialing" && t.trial(day(subscription.period_end)),
    subscription?.cancel_at_period_end
      ? subscription.status !== "trialing" && t.ends(day(subscription.period_end))
      : subscription?.pending_plan_id
        ? t.pending(titleOf(subscription.pending_plan_id), day(subscription.period_end))
        : subscription &&
          subscription.status === "active" &&
          Number(plan.monthly) > 0 &&
          t.renews(day(subscription.period_end)),
    plan.next_price && t.next(day(plan.next_price.since), cost.amount(plan.next_price.monthly, plan)),
  ];
  return (
    <section aria-label={t.current} className="rounded-md border border-line bg-raised p-6">
      <div className="flex flex-wrap items-start gap-x-6 gap-y-3">
        <div className="min-w-0 flex-[1_1_16rem]">
          <h2 className="font-serif text-lg">{sold ? plan.title[locale] : t.nothingSold}</h2>
          <p className="text-pretty text-muted text-sm">
            {sold ? plan.description[locale] : t.nothingSoldLead}
          </p>
        </div>
        {sold && <p className="font-medium tabular-nums">{cost.of(plan)}</p>}
      </div>
      {subscription?.status === "past_due" && <Trouble text={t.pastDue} />}
      {facts.some(Boolean) && (
        <ul className="mt-3 text-sm">{facts.map((fact) => fact && <li key={fact}>{fact}</li>)}</ul>
      )}
      <h3 className="sr-only">{t.yours}</h3>
      <Included plan={plan} />
      {resume.error && <Trouble text={explain(resume.error, all)} />}
      {portal.error && <Trouble text={explain(portal.error, all)} />}
      {subscription && mayChange && (
        <div className="mt-5 flex flex-wrap gap-2">
          {ending && subscription.status !== "trialing" ? (
            <Button look="outline" disabled={resume.isPending} onClick={() => resume.mutate()}>
              {t.resume}
            </Button>
          ) : (
            subscription.status !== "trialing" && (
              <Button look="quiet" className="-ms-3" onClick={() => setCancelling(true)}>
                {t.cancel}
              </Button>
            )
          )}
          {subscription.collection === "stripe" && (
            <Button look="outline" disabled={portal.isPending} onClick={() => portal.mutate()}>
              {t.portal}
            </Button>
          )}
        </div>
      )}
      {cancelling && subscription && (
        <Confirm
          title={t.cancelTitle}
          lead={t.cancelLead(day(subscription.period_end))}
          label={t.cancel}
          act={money.cancel}
          done={() => {
            setCancelling(false);
            planChanged();
            notify(t.cancelled(day(subscription.period_end)));
          }}
          close={() => setCancelling(false)}
        />
      )}
    </section>
  );
}

/** What a plan has in it, each with a tick. */
function Included({ plan }: { plan: PlanData }) {
  const t = useMoneyWords().plan;
  const amounts = useAmounts();
  const { everything, tokens, usd } = plan.included;
  const lines: (string | false | null)[] = [
    everything && t.everything,
    tokens !== null && t.tokensIncluded(amounts.count(tokens)),
    usd !== null && t.usdIncluded(amounts.price(usd, "USD")),
    plan.overage === "charge" && (everything || tokens !== null || usd !== null ? t.overage : t.byToken),
    plan.models.includes("*") ? t.allModels : t.models(plan.models.join(", ")),
    plan.context !== null && t.context(amounts.count(plan.context)),
    plan.max_output !== null && t.output(amounts.count(plan.max_output)),
    plan.concurrency !== null && t.atOnce(plan.concurrency),
    ...plan.features.map((feature) => t.features[feature] ?? feature),
  ];
  return (
    <ul className="mt-4 grid gap-x-8 gap-y-1.5 text-sm sm:grid-cols-2">
      {lines.map(
        (line) =>
          line && (
            <li key={line} className="flex gap-2.5">
              <Check aria-hidden className="mt-1 size-3.5 flex-none text-positive" strokeWidth={2.25} />
              <span className="min-w-0">{line}</span>
            </li>
          ),
      )}
    </ul>
  );
}

/** What plans cost, in words. */
function useCost() {
  const t = useMoneyWords().plan;
  const amounts = useAmounts();
  const amount = (monthly: string, plan: PlanData) => amounts.price(monthly, plan.currency);
  return {
    amount,
    of(plan: PlanData): string {
      if (Number(plan.monthly) === 0) return plan.overage === "charge" ? t.byToken : t.free;
      const shown = amount(plan.monthly, plan);
      return plan.seats_most === 1 ? t.monthly(shown) : t.perSeat(shown);
    },
  };
}

function Others({
  present,
  catalogue,
  mayChange,
}: {
  present: PlanInForce;
  catalogue: PlanCatalogue;
  mayChange: boolean;
}) {
  const t = useMoneyWords().plan;
  const locale = useLocale();
  const cost = useCost();
  const { day } = useWhen();
  const [chosen, setChosen] = useState<PlanData | null>(null);
  const invoiced = present.subscription?.collection === "invoice";
  const others = catalogue.items.filter(({ id }) => id !== present.plan_id);
  const lead = !mayChange ? t.notAdmin : catalogue.takes_cards || invoiced ? t.othersLead : t.byHand;
  // By hand alone there is nothing to press, except where nothing has to be paid.
  const canHave = (plan: PlanData) =>
    mayChange && (catalogue.takes_cards || Number(plan.monthly) === 0 || invoiced);
  if (others.length === 0) return null;
  return (
    <Section title={t.others} lead={lead}>
      <ul aria-label={t.others} className="divide-y divide-line border-line border-y">
        {others.map((plan) => (
          <li key={plan.id} className="py-5">
            <div className="flex flex-wrap items-start gap-x-6 gap-y-3">
              <div className="min-w-0 flex-[1_1_14rem]">
                <h3 className="font-medium">{plan.title[locale]}</h3>
                <p className="text-muted text-sm">{plan.description[locale]}</p>
              </div>
              <p className="pt-px text-sm tabular-nums">{cost.of(plan)}</p>
              {canHave(plan) && (
                <Button
                  look="outline"
                  aria-label={t.chooseThis(plan.title[locale] ?? plan.id)}
                  onClick={() => setChosen(plan)}
                >
                  {t.choose}
                </Button>
              )}
            </div>
            {plan.next_price && (
              <p className="mt-2 text-sm">
                {t.next(day(plan.next_price.since), cost.amount(plan.next_price.monthly, plan))}
              </p>
            )}
            <Included plan={plan} />
          </li>
        ))}
      </ul>
      {chosen && <ChangePlan plan={chosen} present={present} close={() => setChosen(null)} />}
    </Section>
  );
}

function Credit({ canBuy, shown }: { canBuy: boolean; shown: boolean }) {
  const t = useMoneyWords().plan;
  const amounts = useAmounts();
  const query = useQuery(creditQuery);
  const [open, setOpen] = useState(false);
  if (!shown && query.data?.nano === 0) return null;
  return (
    <Section
      title={t.credit}
      lead={t.creditLead}
      action={
        canBuy && (
          <Button look="outline" onClick={() => setOpen(true)}>
            {t.topUp}
          </Button>
        )
      }
    >
      <Loaded query={query} rows={1}>
        {({ nano }) => (
          <p className="font-serif text-xl tabular-nums">
            {nano < 0 ? t.owed(amounts.dollars(-nano)) : amounts.dollars(nano)}
          </p>
        )}
      </Loaded>
      {open && <TopUp close={() => setOpen(false)} />}
    </Section>
  );
}

function TopUp({ close }: { close: () => void }) {
  const all = useWords();
  const t = useMoneyWords().plan;
  const [text, setText] = useState("20");
  const [wrong, setWrong] = useState(false);
  const buy = useMutation({ mutationFn: money.buyCredit, onSuccess: ({ url }) => leaveTo(url) });
  return (
    <Panel
      title={t.topUpTitle}
      close={close}
      submit={{
        label: t.toCheckout,
        busy: buy.isPending,
        run() {
          const usd = typedDollars(text, 2);
          if (usd === null || Number(usd) < 1) setWrong(true);
          else buy.mutate(usd);
        },
      }}
    >
      <Field
        label={t.amount}
        hint={t.amountHint}
        type="text"
        inputMode="decimal"
        autoComplete="off"
        autoFocus
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setWrong(false);
          buy.reset();
        }}
        error={wrong ? t.wrongAmount : undefined}
      />
      {buy.error && <Trouble text={explain(buy.error, all)} />}
    </Panel>
  );
}

function TokenPrices({ catalogue: { token_prices } }: { catalogue: PlanCatalogue }) {
  const t = useMoneyWords().plan;
  const amounts = useAmounts();
  const usd = (amount: string) => amounts.price(amount, "USD");
  const head = (text: ReactNode) => (
    <th scope="col" className="py-2 ps-6 text-end font-medium">
      {text}
    </th>
  );
  return (
    <Section title={t.prices} lead={t.pricesLead}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must be able to reach it */}
      <section aria-label={t.prices} tabIndex={0} className="overflow-x-auto">
        <table className="w-full border-collapse text-sm tabular-nums">
          <thead>
            <tr className="border-control border-b">
              <th scope="col" className="py-2 text-start font-medium">
                {t.model}
              </th>
              {head(t.input)}
              {head(t.cached)}
              {head(t.outputPrice)}
            </tr>
          </thead>
          <tbody>
            {token_prices.map((price) => (
              <tr key={price.models} className="border-line border-b">
                <th scope="row" className="py-2 text-start font-normal">
                  {price.models === "*" ? t.anyModel : price.models}
                </th>
                <td className="py-2 ps-6 text-end">{usd(price.input)}</td>
                <td className="py-2 ps-6 text-end">{usd(price.cached_input)}</td>
                <td className="py-2 ps-6 text-end">{usd(price.output)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </Section>
  );
}

function leaveTo(url: string): void {
  window.location.assign(url);
}
