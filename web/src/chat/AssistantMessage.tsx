import { ActionBarPrimitive, MessagePrimitive, useAuiState } from "@assistant-ui/react";
import { Check, Copy, RotateCw } from "lucide-react";
import { useEffect, useState } from "react";
import { explainCode } from "~/api/problems";
import type { Message } from "~/api/types";
import { useWords } from "~/i18n";
import { Markdown } from "~/markdown/Markdown";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { useCopy } from "~/ui/useCopy";
import { Branches } from "./Branches";
import { useConversation } from "./context";
import { useLive } from "./live";
import { useMessage } from "./UserMessage";

export function AssistantMessage() {
  const t = useWords();
  const message = useMessage();
  const isLast = useAuiState((s) => s.message.isLast);
  const writing = message.status === "streaming";
  const live = useLive(message.id);
  const text = writing && live ? live.text : message.content;
  return (
    <MessagePrimitive.Root
      className={`group mt-1 ${isLast ? "" : "row"}`}
      data-role="assistant"
      data-status={message.status}
    >
      <h2 className="sr-only">{t.message.assistant}</h2>
      {writing && text === "" ? (
        <Thinking since={message.created_at} />
      ) : (
        <div className={`reply prose ${writing ? "writing" : ""}`} data-reply>
          <Markdown text={text} writing={writing} />
        </div>
      )}
      {writing && live && !live.connected && (
        <p role="status" className="late mt-3 text-muted text-sm">
          {t.message.reconnecting}
        </p>
      )}
      {writing ? <div className="h-10" /> : <Outcome message={message} isLast={isLast} />}
    </MessagePrimitive.Root>
  );
}

/** How the reply ended, and what can be done with it. */
function Outcome({ message, isLast }: { message: Message; isLast: boolean }) {
  const t = useWords();
  const { regenerate, pending } = useConversation();
  const { copied, copy } = useCopy();
  return (
    <>
      {message.status === "failed" && (
        <Trouble
          text={(message.error && explainCode(message.error.code, t)) || t.message.failed}
          hint={message.content === "" ? undefined : t.message.kept}
          retry={pending ? undefined : () => regenerate(message)}
          retryLabel={t.message.retry}
        />
      )}
      {message.status === "stopped" && <p className="mt-3 text-muted text-sm">{t.message.stopped}</p>}
      {message.status === "complete" && message.content.trim() === "" && (
        <p className="text-muted">{t.message.empty}</p>
      )}
      {message.finish_reason === "length" && <p className="mt-3 text-muted text-sm">{t.message.cutShort}</p>}
      {/* biome-ignore lint/a11y/useSemanticElements: these are buttons, not fields of a form */}
      <div
        role="group"
        aria-label={t.message.actions}
        className={`-ml-2 flex h-10 items-center gap-0.5 pt-2 text-muted ${isLast ? "" : "opacity-0 transition-opacity duration-100 focus-within:opacity-100 group-hover:opacity-100 has-[[role=group]]:opacity-100 touch:opacity-100"}`}
      >
        <Branches />
        {message.content !== "" && (
          <IconButton
            label={copied ? t.message.copied : t.message.copy}
            icon={copied ? Check : Copy}
            onClick={() => copy(message.content)}
            small
          />
        )}
        <ActionBarPrimitive.Reload asChild>
          <IconButton label={t.message.regenerate} icon={RotateCw} small />
        </ActionBarPrimitive.Reload>
      </div>
    </>
  );
}

/** A wait this long deserves a word, in milliseconds. */
const LONG = 4_000;

/** The reply has not begun yet. */
export function Thinking({ since }: { since: string | null }) {
  const t = useWords();
  const { model } = useConversation();
  const [long, setLong] = useState(false);
  useEffect(() => {
    const waited = since === null ? 0 : Date.now() - Date.parse(since);
    const timer = setTimeout(() => setLong(true), Math.max(0, LONG - waited));
    return () => clearTimeout(timer);
  }, [since]);
  return (
    <p className="flex h-[1.65rem] items-center gap-3 text-muted text-sm">
      <span aria-hidden className="flex gap-1">
        {[0, 1, 2].map((dot) => (
          <span
            key={dot}
            className="size-[0.4rem] animate-[breathe_1.2s_ease-in-out_infinite] rounded-full bg-accent"
            style={{ animationDelay: `${dot * 160}ms` }}
          />
        ))}
      </span>
      <span className={long ? "" : "sr-only"}>
        {long && model?.state === "ready" ? t.message.waiting : t.message.thinking}
      </span>
    </p>
  );
}
