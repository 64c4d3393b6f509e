import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "~/account/Field";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { typedDollars } from "~/settings/money/amounts";
import { Panel } from "~/settings/parts/Panel";
import { Trouble } from "~/ui/Trouble";
import { useConsoleWords } from "./words";

interface Props {
  title: string;
  lead: string;
  label: string;
  hint?: string;
  /** Whether an amount below zero is one. */
  signed?: boolean;
  act: (what: { usd: string; memo: string; reference: string }) => Promise<unknown>;
  done: () => void;
  close: () => void;
}

/** Money that is given or taken back by hand, and why. However often it is sent, it counts once. */
export function Give({ title, lead, label, hint, signed = false, act, done, close }: Props) {
  const all = useWords();
  const t = useConsoleWords().account;
  const [reference] = useState(() => crypto.randomUUID());
  const [usd, setUsd] = useState("");
  const [memo, setMemo] = useState("");
  const [wrong, setWrong] = useState<"usd" | "memo" | null>(null);
  const giving = useMutation({ mutationFn: act, onSuccess: done });
  const run = () => {
    const amount = typedDollars(usd);
    if (amount === null || (!signed && Number(amount) < 0)) setWrong("usd");
    else if (memo.trim().length < 3) setWrong("memo");
    else giving.mutate({ usd: amount, memo: memo.trim(), reference });
  };
  return (
    <Panel title={title} lead={lead} close={close} submit={{ label: title, busy: giving.isPending, run }}>
      <Field
        label={label}
        hint={hint}
        type="text"
        inputMode={signed ? "text" : "decimal"}
        autoComplete="off"
        autoFocus
        value={usd}
        onChange={(event) => {
          setUsd(event.target.value);
          setWrong(null);
        }}
        error={wrong === "usd" ? t.wrongAmount : undefined}
      />
      <Field
        label={t.why}
        hint={t.whyHint}
        type="text"
        autoComplete="off"
        maxLength={400}
        value={memo}
        onChange={(event) => {
          setMemo(event.target.value);
          setWrong(null);
        }}
        error={wrong === "memo" ? t.wrongWhy : undefined}
      />
      {giving.error && <Trouble text={explain(giving.error, all)} />}
    </Panel>
  );
}
