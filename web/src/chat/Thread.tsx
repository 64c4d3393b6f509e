import { type ThreadMessage, ThreadPrimitive, useAuiState } from "@assistant-ui/react";
import { ArrowDown } from "lucide-react";
import { memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Message } from "~/api/types";
import { useWords } from "~/i18n";
import { AssistantMessage, Thinking } from "./AssistantMessage";
import { useConversation } from "./context";
import { Said, UserEditor, UserMessage } from "./UserMessage";
import { useFollow } from "./useFollow";

const components = { UserMessage, AssistantMessage, UserEditComposer: UserEditor };

const none: readonly ThreadMessage[] = [];

function conversationOf(message: ThreadMessage | undefined): string | undefined {
  return (message?.metadata.custom.message as Message | undefined)?.conversation_id;
}

/** Messages drawn at once when a conversation is opened; the earlier ones follow when there is time. */
const AT_ONCE = 24;

/** The messages of the branch shown, and what was just said and is on its way. */
export function Thread() {
  const t = useWords();
  const { id, pending } = useConversation();
  // assistant-ui hears of another conversation one step later than this component does.
  const messages = useAuiState((s) => s.thread.messages);
  const current = conversationOf(messages[0]) === id ? messages : none;
  const viewport = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const { atEnd, toEnd } = useFollow(viewport, content);
  const first = useEarlier(current.length, viewport);

  useLayoutEffect(() => {
    if (pending) toEnd();
  }, [pending, toEnd]);

  return (
    <ThreadPrimitive.Root className="relative flex min-h-0 flex-1 flex-col">
      <section
        ref={viewport}
        data-viewport
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain [mask-image:linear-gradient(transparent,#000_1.25rem,#000_calc(100%-1rem),transparent)] [scrollbar-gutter:stable_both-edges]"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the thread scrolls, so the keyboard must be able to reach it
        tabIndex={0}
        aria-label={t.thread.label}
      >
        <div
          ref={content}
          className="mx-auto flex max-w-(--measure) flex-col px-4 pt-6 pb-10 max-lg:max-w-[46rem]"
        >
          {current.slice(first).map((message, index) => (
            <Row key={message.id} index={first + index} />
          ))}
          {pending && (
            <>
              {pending.content !== null && <Said text={pending.content} />}
              <div className="mt-1 pb-10">
                <Thinking since={null} />
              </div>
            </>
          )}
        </div>
      </section>
      {!atEnd && (
        <button
          type="button"
          onClick={() => toEnd(true)}
          aria-label={t.thread.toEnd}
          title={t.thread.toEnd}
          className="appear absolute bottom-3 left-1/2 flex size-10 -translate-x-1/2 items-center justify-center rounded-full border border-line bg-raised text-muted shadow-soft hover:text-ink touch:size-11"
        >
          <ArrowDown aria-hidden className="size-[1.125rem]" strokeWidth={1.75} />
        </button>
      )}
    </ThreadPrimitive.Root>
  );
}

const Row = memo(function Row({ index }: { index: number }) {
  return <ThreadPrimitive.MessageByIndex index={index} components={components} />;
});

/**
 * The index of the first message drawn. It goes down to zero while the browser is idle, without moving what the reader
 * sees.
 */
function useEarlier(count: number, viewport: React.RefObject<HTMLElement | null>): number {
  const [drawn, setDrawn] = useState(AT_ONCE);
  const first = Math.max(0, count - drawn);
  const fromEnd = useRef<number>(null);

  useEffect(() => {
    if (first === 0) return;
    const more = () => {
      const element = viewport.current;
      if (element) fromEnd.current = element.scrollHeight - element.scrollTop;
      setDrawn((known) => known + AT_ONCE);
    };
    if (typeof requestIdleCallback === "function") {
      const idle = requestIdleCallback(more, { timeout: 500 });
      return () => cancelIdleCallback(idle);
    }
    const timer = setTimeout(more, 50);
    return () => clearTimeout(timer);
  }, [first, viewport]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: earlier messages were put above what is seen
  useLayoutEffect(() => {
    const element = viewport.current;
    if (!element || fromEnd.current === null) return;
    element.scrollTop = element.scrollHeight - fromEnd.current;
    fromEnd.current = null;
  }, [drawn, viewport]);

  return first;
}

/** A conversation on its way: the shape of a question and a reply. */
export function ThreadSkeleton() {
  const t = useWords();
  return (
    <div role="status" className="late mx-auto w-full max-w-(--measure) flex-1 px-4 pt-6">
      <span className="sr-only">{t.app.loading}</span>
      <div className="skeleton ml-auto h-11 w-2/5 rounded-lg" />
      <div className="mt-8 space-y-3">
        <div className="skeleton h-4 w-full" />
        <div className="skeleton h-4 w-11/12" />
        <div className="skeleton h-4 w-3/5" />
      </div>
    </div>
  );
}
