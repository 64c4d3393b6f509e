import { ActionBarPrimitive, ComposerPrimitive, MessagePrimitive, useAuiState } from "@assistant-ui/react";
import { Check, Copy, Pencil } from "lucide-react";
import { useEffect, useRef } from "react";
import type { Message } from "~/api/types";
import { useWords } from "~/i18n";
import { buttonLook } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { useCopy } from "~/ui/useCopy";
import { Branches } from "./Branches";
import { useConversation } from "./context";

/** The message of ours behind the one that assistant-ui is drawing. */
export function useMessage(): Message {
  return useAuiState((s) => s.message.metadata.custom.message as Message);
}

const bubble =
  "max-w-[85%] whitespace-pre-wrap rounded-lg rounded-br-sm bg-tint px-4 py-2.5 [overflow-wrap:anywhere] sm:max-w-[75%]";

/** Words just said, that the server has not answered yet. */
export function Said({ text }: { text: string }) {
  const t = useWords();
  return (
    <div className="mt-8 flex flex-col items-end first:mt-0">
      <div className={bubble}>
        <span className="sr-only">{t.message.you}</span>
        {text}
      </div>
      <div className="h-9" />
    </div>
  );
}

export function UserMessage() {
  const t = useWords();
  const { content } = useMessage();
  const { copied, copy } = useCopy();
  const { running } = useConversation();
  return (
    <MessagePrimitive.Root className="row group mt-8 flex flex-col items-end first:mt-0" data-role="user">
      <div className={bubble}>
        <span className="sr-only">{t.message.you}</span>
        {content}
      </div>
      <div className="flex h-9 items-center gap-0.5 pt-1 text-muted">
        <Branches />
        <div className="flex gap-0.5 opacity-0 transition-opacity duration-100 focus-within:opacity-100 group-hover:opacity-100 touch:opacity-100">
          <IconButton
            label={copied ? t.message.copied : t.message.copy}
            icon={copied ? Check : Copy}
            onClick={() => copy(content)}
            small
          />
          <ActionBarPrimitive.Edit asChild disabled={running}>
            <IconButton label={t.message.edit} icon={Pencil} small />
          </ActionBarPrimitive.Edit>
        </div>
      </div>
    </MessagePrimitive.Root>
  );
}

/** The same message while it is being edited. Sending makes a new version beside the old one. */
export function UserEditor() {
  const t = useWords();
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const area = input.current;
    area?.focus({ preventScroll: true });
    area?.setSelectionRange(area.value.length, area.value.length);
  }, []);
  return (
    <MessagePrimitive.Root className="mt-8 mb-2 first:mt-0" data-role="user">
      <ComposerPrimitive.Root className="rounded-lg border border-control bg-raised p-2">
        <ComposerPrimitive.Input
          ref={input}
          aria-label={t.message.editing}
          minRows={1}
          maxRows={14}
          className="block w-full resize-none bg-transparent px-2 pt-1 leading-relaxed outline-none"
        />
        <div className="flex justify-end gap-1 pt-2">
          <ComposerPrimitive.Cancel className={buttonLook("quiet")}>
            {t.message.cancel}
          </ComposerPrimitive.Cancel>
          <ComposerPrimitive.Send className={buttonLook("primary")}>{t.message.save}</ComposerPrimitive.Send>
        </div>
      </ComposerPrimitive.Root>
    </MessagePrimitive.Root>
  );
}
