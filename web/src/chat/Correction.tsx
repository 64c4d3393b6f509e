import { type FormEvent, useEffect, useRef, useState } from "react";
import { explain } from "~/api/problems";
import type { Message } from "~/api/types";
import { useWords } from "~/i18n";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { useConversation } from "./context";
import { useTreeWords } from "./words";

/** A reply while its reader corrects it. What the model wrote stays, as the version beside it. */
export default function Correction({ message, done }: { message: Message; done: () => void }) {
  const t = useWords();
  const tree = useTreeWords();
  const { correct } = useConversation();
  const [text, setText] = useState(message.content);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus({ preventScroll: true }), []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await correct(message, text);
      done();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <form onSubmit={submit} className="rounded-lg border border-control bg-raised p-2">
      <textarea
        ref={area}
        aria-label={tree.correcting}
        value={text}
        rows={Math.min(18, Math.max(4, text.split("\n").length + 2))}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          done();
        }}
        className="block w-full resize-y bg-transparent px-2 pt-1 leading-relaxed outline-none"
      />
      {error !== null && <Trouble text={explain(error, t)} />}
      <div className="flex justify-end gap-1 pt-2">
        <Button look="quiet" onClick={done}>
          {t.message.cancel}
        </Button>
        <Button type="submit" disabled={busy || text.trim() === "" || text === message.content}>
          {tree.saveCorrection}
        </Button>
      </div>
    </form>
  );
}
