import { Field } from "~/account/Field";
import { useAmounts } from "~/settings/money/amounts";
import { type NumberRule, typedNumber } from "./numbers";
import { useLabWords } from "./words";

/** A number to be typed, and what is wrong with it; `refused` is what the server said of it. */
export function NumberField({
  label,
  hint,
  rule,
  value,
  change,
  refused,
}: {
  label: string;
  hint?: string;
  rule: NumberRule;
  value: string;
  change: (value: string) => void;
  refused?: string | undefined;
}) {
  const t = useLabWords().numbers;
  const { count } = useAmounts();
  const said = rule.whole ? t.whole : rule.above ? t.above : t.any;
  const wrong = typedNumber(value, rule) === null ? said(count(rule.low), count(rule.high)) : refused;
  return (
    <Field
      label={label}
      hint={hint}
      type="text"
      inputMode="decimal"
      autoComplete="off"
      value={value}
      onChange={(event) => change(event.target.value)}
      error={wrong}
    />
  );
}

/** Leads to the first field that is wrong, and unfolds what it is in; whether there is one. */
export function showWrong(within: HTMLElement | null): boolean {
  const field = within?.querySelector<HTMLElement>("[aria-invalid]");
  const folded = field?.closest("details");
  if (folded) folded.open = true;
  field?.focus();
  return field !== undefined && field !== null;
}
