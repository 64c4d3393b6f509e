import { ComposerPrimitive, useAui, useAuiState } from "@assistant-ui/react";
import { ArrowUp, Square } from "lucide-react";
import { useEffect, useEffectEvent, useLayoutEffect, useRef } from "react";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { Trouble } from "~/ui/Trouble";
import { useConversation } from "./context";
import { drafts } from "./drafts";
import { ModelPicker } from "./ModelPicker";

const phone = window.matchMedia("(hover: none) and (pointer: coarse)");

/** Where the reader writes. What is not sent yet survives a reload, for each conversation. */
export function Composer() {
  const t = useWords();
  const aui = useAui();
  const { id, running, pending, trouble, setTrouble, model } = useConversation();
  const input = useRef<HTMLTextAreaElement>(null);
  const empty = useAuiState((s) => s.composer.text.trim() === "");

  const restore = useEffectEvent(() => {
    const draft = drafts.get(id);
    // The draft of a message on its way is kept until the server has it; but it is not to be written again.
    if (pending?.content !== draft.trim()) aui.composer.setText(draft);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another conversation has another draft
  useLayoutEffect(() => {
    restore();
    // On a phone the keyboard would cover half of what was opened to be read.
    if (!phone.matches) input.current?.focus({ preventScroll: true });
  }, [id]);

  const unsent = trouble?.unsent;
  useEffect(() => {
    if (unsent && aui.composer.getState().text === "") aui.composer.setText(unsent);
  }, [aui, unsent]);

  return (
    <div>
      {trouble && (
        <Trouble
          text={`${trouble.unsent === null ? "" : `${t.composer.sendFailed} `}${explain(trouble.problem, t)}`}
          hint={trouble.unsent === null ? undefined : t.composer.kept}
          retry={() => {
            if (trouble.unsent !== null) {
              aui.composer.setText("");
              drafts.set(id, trouble.unsent);
            }
            trouble.retry();
          }}
          dismiss={() => setTrouble(null)}
        />
      )}
      <ComposerPrimitive.Root className="rounded-lg border border-line bg-raised shadow-soft transition-colors duration-100 focus-within:border-[color-mix(in_oklab,var(--control)_50%,var(--line))]">
        <ComposerPrimitive.Input
          ref={input}
          data-composer
          aria-label={t.composer.label}
          placeholder={id === null ? t.composer.placeholder : t.composer.reply}
          minRows={1}
          maxRows={10}
          enterKeyHint={phone.matches ? "enter" : "send"}
          unstable_insertNewlineOnTouchEnter
          onChange={(event) => drafts.set(id, event.target.value)}
          className="block w-full resize-none bg-transparent px-4 pt-3.5 pb-1 text-base text-ink leading-normal outline-none placeholder:text-muted"
        />
        <div className="flex items-center gap-2 p-2">
          <ModelPicker />
          <div className="ml-auto">
            {running ? (
              <ComposerPrimitive.Cancel
                aria-label={t.composer.stop}
                title={t.composer.stop}
                className="flex size-10 items-center justify-center rounded-full bg-ink text-paper transition-opacity duration-100 hover:opacity-85 touch:size-11"
              >
                <Square aria-hidden className="size-3.5 fill-current" strokeWidth={0} />
              </ComposerPrimitive.Cancel>
            ) : (
              <ComposerPrimitive.Send
                aria-label={t.composer.send}
                title={t.composer.send}
                disabled={empty || pending !== null || !model}
                className="flex size-10 items-center justify-center rounded-full bg-accent text-on-accent transition-colors duration-100 hover:bg-accent-strong disabled:bg-tint-strong disabled:text-muted touch:size-11"
              >
                <ArrowUp aria-hidden className="size-5" strokeWidth={2} />
              </ComposerPrimitive.Send>
            )}
          </div>
        </div>
      </ComposerPrimitive.Root>
    </div>
  );
}
