import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Field } from "~/account/Field";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { Trouble } from "~/ui/Trouble";
import { Panel } from "./Panel";

interface Props {
  title: string;
  lead: ReactNode;
  label: string;
  act: () => Promise<unknown>;
  done: () => void;
  close: () => void;
  /** Something to be typed first, for what nobody should do in passing. */
  typed?: { label: string; text: string };
  /** What certain refusals mean here, by their code. */
  refusals?: Record<string, string>;
}

/** Asks before something that cannot be taken back. */
export function Confirm({ title, lead, label, act, done, close, typed, refusals = {} }: Props) {
  const all = useWords();
  const [text, setText] = useState("");
  const acting = useMutation({ mutationFn: act, onSuccess: done });
  const { error } = acting;
  const meant = typed === undefined || text.trim() === typed.text;
  return (
    <Panel
      title={title}
      lead={lead}
      close={close}
      submit={{ label, busy: acting.isPending || !meant, run: () => acting.mutate(), danger: true }}
    >
      {typed && (
        <Field
          label={typed.label}
          type="text"
          autoComplete="off"
          autoFocus
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      )}
      {error && <Trouble text={(error instanceof Problem && refusals[error.code]) || explain(error, all)} />}
    </Panel>
  );
}
