import { Check, Copy, CornerDownLeft, Pencil } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { SaidTo } from "~/assistants/Answering";
import { Attachments } from "~/files/Attachments";
import type { Attachment } from "~/files/calls";
import { useWords } from "~/i18n";
import { Button } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { useCopy } from "~/ui/useCopy";
import { usePressed } from "~/ui/usePressed";
import { Branches } from "./Branches";
import { useConversation } from "./context";
import { MessageMenu } from "./MessageMenu";
import { MessageRoot, useHeld, usePlaced, useStays } from "./message";
import { useTreeWords } from "./words";

// There, Enter begins a new line.
const touch = window.matchMedia("(hover: none) and (pointer: coarse)");

const bubble =
  "max-w-[85%] whitespace-pre-wrap rounded-lg rounded-ee-sm bg-tint px-4 py-2.5 [overflow-wrap:anywhere] sm:max-w-[75%]";

/** Words just said, that the server has not answered yet. */
export function Said({
  text,
  files = [],
  mention = null,
}: {
  text: string;
  files?: readonly Attachment[];
  mention?: string | null;
}) {
  const t = useWords();
  return (
    <div className="flex flex-col items-end pt-8">
      {mention && <SaidTo id={mention} />}
      <Attachments files={files} />
      <div className={text === "" ? "" : bubble}>
        <span className="sr-only">{t.message.you}</span>
        <div dir="auto">{text}</div>
      </div>
      <div className="h-9" />
    </div>
  );
}

export function UserMessage() {
  const t = useWords();
  const { message, isLast, place } = usePlaced();
  const { content } = message;
  const tree = useTreeWords();
  const { copied, copy } = useCopy();
  const { running, pending, regenerate } = useConversation();
  const [editing, setEditing] = useState(false);
  const [menu, setMenu] = useState(false);
  const pressed = usePressed(() => setMenu(true));
  const stays = useStays();
  if (editing) return <Editor done={() => setEditing(false)} />;
  return (
    <MessageRoot className={`group flex flex-col items-end ${place === 1 ? "" : "pt-8"}`}>
      {message.assistant_id && <SaidTo id={message.assistant_id} />}
      <Attachments files={message.attachments ?? []} />
      {/* A finger that rests on it opens its menu. The words of a reply are left to be selected, and quoted. */}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the menu has a button of its own */}
      <div
        {...pressed}
        data-said
        className={`${content === "" ? "" : bubble} touch:select-none touch:[-webkit-touch-callout:none]`}
        onContextMenu={(event) => {
          if (menu) event.preventDefault();
        }}
      >
        <span className="sr-only">{t.message.you}</span>
        <div dir="auto">{content}</div>
      </div>
      <div className="flex h-9 items-center gap-0.5 pt-1 text-muted">
        <Branches />
        <div className="flex gap-0.5 opacity-0 transition-opacity duration-100 focus-within:opacity-100 group-hover:opacity-100 touch:opacity-100">
          {stays && (
            <>
              <IconButton
                label={copied ? t.message.copied : t.message.copy}
                icon={copied ? Check : Copy}
                onClick={() => copy(content)}
                small
              />
              <IconButton
                label={t.message.edit}
                icon={Pencil}
                disabled={running}
                onClick={() => setEditing(true)}
                small
              />
              <MessageMenu message={message} isLast={isLast} open={menu} onOpenChange={setMenu} />
            </>
          )}
        </div>
      </div>
      {isLast && !pending && (
        <Button look="outline" className="mt-2 self-start" onClick={() => regenerate(message)}>
          <CornerDownLeft aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {tree.reply}
        </Button>
      )}
    </MessageRoot>
  );
}

/** The same message while it is being edited. Sending makes a new version beside the old one. */
function Editor({ done }: { done: () => void }) {
  const t = useWords();
  const { message, place } = usePlaced();
  const { edit } = useConversation();
  const [text, setText] = useState(message.content);
  const [to, setTo] = useState(message.assistant_id ?? null);
  const input = useRef<HTMLTextAreaElement>(null);
  useHeld(true);
  useEffect(() => {
    const area = input.current;
    area?.focus({ preventScroll: true });
    area?.setSelectionRange(area.value.length, area.value.length);
  }, []);
  const nothing = text.trim() === "" && (message.attachments ?? []).length === 0;
  const send = () => {
    if (nothing) return;
    done();
    edit(message, text, to);
  };
  return (
    <MessageRoot className={`pb-2 ${place === 1 ? "" : "pt-8"}`}>
      <form
        className="rounded-lg border border-control bg-raised p-2"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        {to && (
          <div className="px-2">
            <SaidTo id={to} remove={() => setTo(null)} />
          </div>
        )}
        <textarea
          ref={input}
          dir="auto"
          aria-label={t.message.editing}
          value={text}
          rows={Math.min(14, text.split("\n").length)}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") {
              event.preventDefault();
              done();
            } else if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
              if (touch.matches) return;
              event.preventDefault();
              send();
            }
          }}
          className="field-sizing-content block max-h-96 w-full resize-none bg-transparent px-2 pt-1 leading-relaxed outline-none"
        />
        <div className="flex justify-end gap-1 pt-2">
          <Button look="quiet" onClick={done}>
            {t.message.cancel}
          </Button>
          <Button type="submit" disabled={nothing}>
            {t.message.save}
          </Button>
        </div>
      </form>
    </MessageRoot>
  );
}
