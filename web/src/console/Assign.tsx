import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "~/account/Field";
import { type Account, admin, type NewBudget } from "~/api/admin";
import { explain } from "~/api/problems";
import { useLocale, useWords } from "~/i18n";
import { typedDollars } from "~/settings/money/amounts";
import { Panel } from "~/settings/parts/Panel";
import { Select } from "~/settings/parts/Select";
import { Trouble } from "~/ui/Trouble";
import { cataloguesQuery } from "./queries";
import { useConsoleWords } from "./words";

interface Props {
  account: Account;
  done: () => void;
  close: () => void;
}

/** Gives an account a plan. */
export function Assign({ account, done, close }: Props) {
  const all = useWords();
  const t = useConsoleWords().account;
  const locale = useLocale();
  const { data: catalogue } = useQuery(cataloguesQuery);
  const [chosen, setChosen] = useState<string | null>(null);
  const [seats, setSeats] = useState("");
  const [collection, setCollection] = useState<"none" | "invoice">("none");
  const plan = catalogue?.items.find(({ id }) => id === (chosen ?? account.plan_id));
  const assign = useMutation({
    mutationFn: () =>
      admin.assign(account.id, {
        plan_id: plan?.id ?? account.plan_id,
        collection,
        ...(Number(seats) > 0 ? { seats: Number(seats) } : {}),
      }),
    onSuccess: done,
  });
  return (
    <Panel
      title={t.assign}
      lead={t.assignLead}
      close={close}
      submit={{ label: t.assign, busy: assign.isPending || !plan, run: () => assign.mutate() }}
    >
      <Select label={t.which} value={plan?.id ?? ""} choose={setChosen}>
        {catalogue?.items.map(({ id, title }) => (
          <option key={id} value={id}>
            {title[locale] ?? id}
          </option>
        ))}
      </Select>
      {plan && plan.seats_most !== 1 && (
        <Field
          label={t.seats}
          type="number"
          min={plan.seats_least}
          placeholder={String(plan.seats_least)}
          value={seats}
          onChange={(event) => setSeats(event.target.value)}
        />
      )}
      {plan && Number(plan.monthly) > 0 && (
        <Select
          label={t.collection}
          value={collection}
          choose={(value) => setCollection(value as "none" | "invoice")}
        >
          <option value="none">{t.gift}</option>
          <option value="invoice">{t.invoiced}</option>
        </Select>
      )}
      {assign.error && <Trouble text={explain(assign.error, all)} />}
    </Panel>
  );
}

/** Caps what an account may use. */
export function SetBudget({ account, done, close }: Props) {
  const all = useWords();
  const t = useConsoleWords().account;
  const [meter, setMeter] = useState<NewBudget["meter"]>("money");
  const [window, setWindow] = useState<NewBudget["window"]>("month");
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const set = useMutation({
    mutationFn: (amount: string) => admin.setBudget(account.id, { meter, window, amount }),
    onSuccess: done,
  });
  const run = () => {
    // Zero is a budget as well: nothing at all.
    const amount = /^0+$/.test(text.trim()) ? "0" : typedDollars(text, meter === "money" ? 9 : 0);
    if (amount === null || amount.startsWith("-")) setWrong(true);
    else set.mutate(amount);
  };
  return (
    <Panel
      title={t.addBudget}
      lead={t.budgetsLead}
      close={close}
      submit={{ label: t.addBudget, busy: set.isPending, run }}
    >
      <Select label={t.meter} value={meter} choose={(value) => setMeter(value as NewBudget["meter"])}>
        {(["money", "tokens", "requests"] as const).map((each) => (
          <option key={each} value={each}>
            {t.meters[each]}
          </option>
        ))}
      </Select>
      <Select label={t.window} value={window} choose={(value) => setWindow(value as NewBudget["window"])}>
        {(["day", "month", "total"] as const).map((each) => (
          <option key={each} value={each}>
            {t.windows[each]}
          </option>
        ))}
      </Select>
      <Field
        label={t.most}
        type="text"
        inputMode="decimal"
        autoComplete="off"
        autoFocus
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setWrong(false);
        }}
        error={wrong ? t.wrongAmount : undefined}
      />
      {set.error && <Trouble text={explain(set.error, all)} />}
    </Panel>
  );
}
