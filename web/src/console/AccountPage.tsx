import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Account, admin } from "~/api/admin";
import type { Invoice } from "~/api/money";
import { explain } from "~/api/problems";
import { useLocale, useWords } from "~/i18n";
import { notify } from "~/notices";
import { useAmounts } from "~/settings/money/amounts";
import { Limits } from "~/settings/money/Limits";
import { useMoneyWords } from "~/settings/money/words";
import { Confirm } from "~/settings/parts/Confirm";
import { Loaded } from "~/settings/parts/Loaded";
import { Page, Section } from "~/settings/parts/Page";
import { Mark, Row, Rows } from "~/settings/parts/Rows";
import { useWhen } from "~/settings/parts/when";
import { useSettingsWords } from "~/settings/words";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Assign, SetBudget } from "./Assign";
import { Figures } from "./Figures";
import { Give } from "./Give";
import { accountQuery, houseChanged } from "./queries";
import { usePlanTitle } from "./titles";
import { consoleWords, useConsoleWords } from "./words";

type Open = "assign" | "endPlan" | "budget" | "credit" | "disable" | "owner" | "signOut" | null;

const done = () => {
  houseChanged();
  notify(consoleWords().account.done);
};

/** A person's or a workspace's account: what it has, owes and may, and what can be done about it. */
export function AccountPage({ id, up }: { id: string; up: "people" | "workspaces" }) {
  const t = useConsoleWords();
  const query = useQuery(accountQuery(id));
  return (
    <>
      <Link
        to="/console/$page"
        params={{ page: up }}
        className="mb-4 inline-block text-muted text-sm underline-offset-4 hover:text-ink hover:underline max-md:hidden"
      >
        {t[up].all}
      </Link>
      {query.error && !query.data ? (
        <Trouble text={t.account.gone} />
      ) : (
        <Loaded query={query}>{(account) => <Shown account={account} />}</Loaded>
      )}
    </>
  );
}

function Shown({ account }: { account: Account }) {
  const t = useConsoleWords().account;
  const { roles } = useSettingsWords().workspaces;
  const { day } = useWhen();
  const amounts = useAmounts();
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const ended = () => {
    close();
    done();
  };
  const month = account.this_month;
  const lead = [account.person?.email, t.since(day(account.created_at))].filter(Boolean).join(" · ");
  return (
    <Page title={account.name} lead={lead}>
      {account.person && <Standing account={account} setOpen={setOpen} />}
      <Section title={t.thisMonth}>
        {month ? (
          <Figures
            label={t.thisMonth}
            items={[
              [t.figures.requests, amounts.count(month.requests)],
              [t.figures.tokens, amounts.compact(month.input_tokens + month.output_tokens)],
              [t.figures.charge, amounts.dollars(month.charge_nano)],
              [t.figures.cost, amounts.dollars(month.cost_nano)],
            ]}
          />
        ) : (
          <p className="text-muted text-sm">{t.nothingYet}</p>
        )}
      </Section>
      <PlanOf account={account} setOpen={setOpen} />
      <Section
        title={t.credit}
        action={
          <Button look="outline" onClick={() => setOpen("credit")}>
            {t.grant}
          </Button>
        }
      >
        <p className="font-serif text-lg tabular-nums">{amounts.dollars(account.credit_nano)}</p>
      </Section>
      <Budgets account={account} setOpen={setOpen} />
      <Section title={t.limits}>
        <Limits limits={account.limits} />
      </Section>
      {account.members.length > 0 && (
        <Section title={t.members}>
          <Rows label={t.members}>
            {account.members.map((member) => (
              <Row
                key={member.user_id}
                title={
                  <Link
                    to="/console/$page/$item"
                    params={{ page: "people", item: member.user_id }}
                    className="underline-offset-4 hover:underline"
                  >
                    {member.name}
                  </Link>
                }
                facts={[member.email, roles[member.role]]}
              />
            ))}
          </Rows>
        </Section>
      )}
      {account.invoices.length > 0 && <InvoicesOf account={account} />}
      {open === "assign" && <Assign account={account} done={ended} close={close} />}
      {open === "budget" && <SetBudget account={account} done={ended} close={close} />}
      {open === "credit" && (
        <Give
          title={t.grant}
          lead={t.grantLead}
          label={t.amount}
          act={(grant) => admin.grant(account.id, grant)}
          done={ended}
          close={close}
        />
      )}
      {open === "endPlan" && (
        <Confirm
          title={t.endPlanTitle}
          lead={t.endPlanLead}
          label={t.endPlan}
          act={() => admin.endPlan(account.id)}
          done={ended}
          close={close}
        />
      )}
      {open === "disable" && (
        <Confirm
          title={t.disableTitle(account.name)}
          lead={t.disableLead}
          label={t.disable}
          act={() => admin.changePerson(account.id, { disabled: true })}
          done={ended}
          close={close}
          refusals={{ last_owner: t.lastOwner }}
        />
      )}
      {open === "owner" && (
        <Confirm
          title={t.ownerTitle(account.name)}
          lead={t.ownerLead}
          label={t.makeOwner}
          act={() => admin.changePerson(account.id, { role: "owner" })}
          done={ended}
          close={close}
        />
      )}
      {open === "signOut" && (
        <Confirm
          title={t.signOutTitle(account.name)}
          lead={t.signOutLead}
          label={t.signOut}
          act={() => admin.signOut(account.id)}
          done={ended}
          close={close}
        />
      )}
    </Page>
  );
}

interface Part {
  account: Account;
  setOpen: (open: Open) => void;
}

function Standing({ account: { id, person }, setOpen }: Part) {
  const all = useWords();
  const words = useConsoleWords();
  const t = words.account;
  const change = useMutation({
    mutationFn: (what: { role?: "member"; disabled?: boolean }) => admin.changePerson(id, what),
    onSuccess: done,
  });
  if (!person) return null;
  const refused = change.error && "code" in change.error && change.error.code === "last_owner";
  return (
    <section aria-label={t.standing}>
      <p className="mb-3 flex flex-wrap gap-2 empty:hidden">
        {person.role === "owner" && <Mark look="good">{words.people.owner}</Mark>}
        {person.disabled_at && <Mark>{words.people.disabled}</Mark>}
      </p>
      <div className="flex flex-wrap gap-2">
        {person.disabled_at ? (
          <Button look="outline" onClick={() => change.mutate({ disabled: false })}>
            {t.enable}
          </Button>
        ) : (
          <>
            <Button look="outline" onClick={() => setOpen("signOut")}>
              {t.signOut}
            </Button>
            {person.role === "owner" ? (
              <Button look="outline" onClick={() => change.mutate({ role: "member" })}>
                {t.makeMember}
              </Button>
            ) : (
              <Button look="outline" onClick={() => setOpen("owner")}>
                {t.makeOwner}
              </Button>
            )}
            <Button look="outline" className="text-danger!" onClick={() => setOpen("disable")}>
              {t.disable}
            </Button>
          </>
        )}
      </div>
      {change.error && <Trouble text={refused ? t.lastOwner : explain(change.error, all)} />}
    </section>
  );
}

function PlanOf({ account: { plan_id, subscription }, setOpen }: Part) {
  const t = useConsoleWords().account;
  const planTitle = usePlanTitle();
  const { day } = useWhen();
  const facts = subscription
    ? [
        subscription.seats > 1 && `${subscription.seats} ${t.seats.toLowerCase()}`,
        subscription.collection === "none" ? t.gift : t.invoiced,
        t.until(day(subscription.period_end)),
      ]
    : [t.byDefault];
  return (
    <Section
      title={t.plan}
      action={
        <div className="flex flex-wrap gap-2">
          {subscription && (
            <Button look="quiet" onClick={() => setOpen("endPlan")}>
              {t.endPlan}
            </Button>
          )}
          <Button look="outline" onClick={() => setOpen("assign")}>
            {t.assign}
          </Button>
        </div>
      }
    >
      <p>
        <span className="font-medium">{planTitle(plan_id)}</span>
        <span className="text-muted text-sm"> · {facts.filter(Boolean).join(" · ")}</span>
      </p>
    </Section>
  );
}

function Budgets({ account, setOpen }: Part) {
  const t = useConsoleWords().account;
  const amounts = useAmounts();
  const lift = useMutation({
    mutationFn: (budget: Account["budgets"][number]) => admin.liftBudget(account.id, budget),
    onSuccess: done,
  });
  return (
    <Section
      title={t.budgets}
      lead={t.budgetsLead}
      action={
        <Button look="outline" onClick={() => setOpen("budget")}>
          {t.addBudget}
        </Button>
      }
    >
      {account.budgets.length === 0 ? (
        <p className="text-muted text-sm">{t.noBudgets}</p>
      ) : (
        <Rows label={t.budgets}>
          {account.budgets.map((budget) => (
            <Row
              key={`${budget.meter} ${budget.window} ${budget.workspace_id}`}
              title={budget.meter === "money" ? amounts.dollars(budget.amount) : amounts.count(budget.amount)}
              facts={[
                budget.meter !== "money" && t.meters[budget.meter],
                t.windows[budget.window] ?? budget.window,
                budget.workspace_id,
              ]}
              action={
                <Button look="quiet" disabled={lift.isPending} onClick={() => lift.mutate(budget)}>
                  {t.lift}
                </Button>
              }
            />
          ))}
        </Rows>
      )}
    </Section>
  );
}

function InvoicesOf({ account }: { account: Account }) {
  const all = useWords();
  const t = useConsoleWords().account;
  const words = useMoneyWords().invoices;
  const locale = useLocale();
  const { day } = useWhen();
  const amounts = useAmounts();
  const end = useMutation({
    mutationFn: ({ id, status }: { id: string; status: "paid" | "void" }) => admin.endInvoice(id, status),
    onSuccess: done,
  });
  const act = (invoice: Invoice, status: "paid" | "void", label: string) => (
    <Button
      look={status === "paid" ? "outline" : "quiet"}
      disabled={end.isPending}
      aria-label={`${label}: ${invoice.number}`}
      onClick={() => end.mutate({ id: invoice.id, status })}
    >
      {label}
    </Button>
  );
  return (
    <Section title={t.invoices}>
      <Rows label={t.invoices}>
        {account.invoices.map((invoice) => (
          <Row
            key={invoice.id}
            title={invoice.number}
            mark={
              <Mark look={invoice.status === "paid" ? "good" : "plain"}>{words.status[invoice.status]}</Mark>
            }
            facts={[
              amounts.price(invoice.total, invoice.currency),
              words.issued(day(invoice.issued_at)),
              invoice.lines.map(({ text }) => text[locale] ?? text.en).join(", "),
            ]}
            action={
              invoice.status === "open" && (
                <div className="flex flex-none flex-wrap justify-end gap-1">
                  {act(invoice, "void", t.void)}
                  {act(invoice, "paid", t.markPaid)}
                </div>
              )
            }
          />
        ))}
      </Rows>
      {end.error && <Trouble text={explain(end.error, all)} />}
    </Section>
  );
}
