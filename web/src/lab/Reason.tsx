import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { useAmounts } from "~/settings/money/amounts";
import { Panel } from "~/settings/parts/Panel";
import { TextArea } from "~/settings/parts/TextArea";
import { Trouble } from "~/ui/Trouble";

interface Props {
  title: string;
  lead: ReactNode;
  label: string;
  words: { label: string; hint: string; short: string };
  /** Characters that a reason has at least. */
  least: number;
  act: (reason: string) => Promise<unknown>;
  done: () => void;
  close: () => void;
}

const LONGEST = 1000;

/** Asks why before something is done that stays beside one's name. */
export function Reason({ title, lead, label, words, least, act, done, close }: Props) {
  const all = useWords();
  const amounts = useAmounts();
  const [reason, setReason] = useState("");
  const [short, setShort] = useState(false);
  const acting = useMutation({ mutationFn: () => act(reason.trim()), onSuccess: done });
  const run = () => {
    const length = reason.trim().length;
    if (length < least || length > LONGEST) setShort(true);
    else acting.mutate();
  };
  return (
    <Panel
      title={title}
      lead={lead}
      close={close}
      wide
      submit={{ label, busy: acting.isPending, run, danger: true }}
    >
      <TextArea
        label={words.label}
        hint={words.hint}
        value={reason}
        data-begin
        longest={LONGEST}
        count={`${amounts.count(reason.trim().length)} / ${amounts.count(LONGEST)}`}
        error={short ? words.short : undefined}
        onChange={(event) => {
          setReason(event.target.value);
          setShort(false);
        }}
      />
      {acting.error && <Trouble text={explain(acting.error, all)} />}
    </Panel>
  );
}
