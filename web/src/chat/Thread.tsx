import { ArrowDown } from "lucide-react";
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import type { Message } from "~/api/types";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { Trouble } from "~/ui/Trouble";
import { AssistantMessage, Thinking } from "./AssistantMessage";
import { useConversation } from "./context";
import { MessageContext, type Placed } from "./message";
import { Quote } from "./Quote";
import { Said, UserMessage } from "./UserMessage";
import { useFollow } from "./useFollow";
import { showMessage } from "./useJump";

/** Pixels above the first message. */
const ABOVE = 24;
/** Pixels drawn beyond what is seen. */
const BEYOND = 600;
/** With so few messages left on the way up or down, more are fetched. */
const FEW = 20;

/** The messages of the branch shown, and what was just said and is on its way. Only those in sight are drawn. */
export function Thread() {
  const t = useWords();
  const { messages, pending, target, earlier, later, openEnd } = useConversation();
  const viewport = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const { atEnd, toEnd, letGo } = useFollow(viewport, content);
  const wanted = target === null ? -1 : messages.findIndex(({ id }) => id === target.id);
  const { loading, failed, look, retry } = useMore(list);
  const [kept, keep] = useKept(messages, wanted);
  const shift = usePrepended(messages);

  const found = wanted >= 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: shown once, though its place changes as others come
  useEffect(() => {
    const element = viewport.current;
    if (!found || target === null || !element) return;
    letGo();
    // Who goes from place to place in what is drawn is not moved for it.
    const drawn = target.place && element.querySelector(`[data-message-id="${CSS.escape(target.id)}"]`);
    if (!drawn) list.current?.scrollToIndex(wanted, { align: "center" });
    return showMessage(element, target);
  }, [found, target, letGo]);

  useLayoutEffect(() => {
    if (pending) toEnd();
  }, [pending, toEnd]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what came may not be enough
  useEffect(look, [look, messages]);

  const end = () => {
    if (later)
      openEnd().then(
        () => toEnd(),
        () => notify(t.thread.moreFailed),
      );
    else toEnd(true);
  };

  return (
    <div className="fading relative flex min-h-0 flex-1 flex-col">
      <section
        ref={viewport}
        data-viewport
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain [scrollbar-gutter:stable_both-edges]"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the thread scrolls, so the keyboard must be able to reach it
        tabIndex={0}
        aria-label={t.thread.label}
        onFocus={({ target }) => keep(target.closest<HTMLElement>("[data-message-id]")?.dataset.messageId)}
      >
        <div
          ref={content}
          className="relative mx-auto flex max-w-(--measure) flex-col px-4 pt-6 pb-10 max-lg:max-w-[46rem]"
        >
          {loading && <p className="sr-only">{t.thread.earlier}</p>}
          {failed === "before" && <Trouble text={t.thread.moreFailed} retry={retry} />}
          <div role="feed" aria-label={t.thread.label} aria-busy={loading}>
            <Virtualizer
              ref={list}
              data={messages}
              scrollRef={viewport}
              startMargin={ABOVE}
              bufferSize={BEYOND}
              shift={shift}
              keepMounted={kept}
              onScroll={look}
            >
              {(message, index) => (
                <Row
                  key={message.id}
                  message={message}
                  place={index + (earlier ? 2 : 1)}
                  count={earlier || later ? -1 : messages.length}
                  isLast={!later && index === messages.length - 1}
                  hold={keep}
                />
              )}
            </Virtualizer>
          </div>
          {failed === "after" && <Trouble text={t.thread.moreFailed} retry={retry} />}
          {pending && (
            <>
              {pending.content !== null && <Said {...pending} text={pending.content} />}
              <div className="mt-1 pb-10">
                <Thinking since={null} />
              </div>
            </>
          )}
        </div>
      </section>
      <Quote within={viewport} />
      {!(atEnd && !later) && (
        <button
          type="button"
          onClick={end}
          aria-label={t.thread.toEnd}
          title={t.thread.toEnd}
          className="appear absolute bottom-3 left-1/2 z-[1] flex size-10 -translate-x-1/2 items-center justify-center rounded-full border border-line bg-raised text-muted shadow-soft hover:text-ink touch:size-11"
        >
          <ArrowDown aria-hidden className="size-[1.125rem]" strokeWidth={1.75} />
        </button>
      )}
    </div>
  );
}

const Row = memo(function Row(placed: Placed) {
  const { message, place, count, isLast, hold } = placed;
  const value = useMemo(
    () => ({ message, place, count, isLast, hold }),
    [message, place, count, isLast, hold],
  );
  return (
    <MessageContext value={value}>
      {message.role === "user" ? <UserMessage /> : <AssistantMessage />}
    </MessageContext>
  );
});

/** Whether this is the first time that the messages are drawn with earlier ones before them. */
function usePrepended(messages: readonly Message[]): boolean {
  const first = messages[0]?.id;
  const before = useRef(first);
  const prepended =
    before.current !== undefined &&
    before.current !== first &&
    messages.some(({ id }) => id === before.current);
  useLayoutEffect(() => {
    before.current = first;
  }, [first]);
  return prepended;
}

/** The places of the messages that stay drawn wherever the reader is: what has the focus, what is written in. */
function useKept(
  messages: readonly Message[],
  wanted: number,
): [readonly number[], (message: string | undefined, held?: boolean) => void] {
  const [held, setHeld] = useState<ReadonlySet<string>>(new Set());
  const [focused, setFocused] = useState<string>();
  const keep = useCallback((message: string | undefined, held?: boolean) => {
    if (held === undefined) setFocused(message);
    else if (message !== undefined)
      setHeld((known) => {
        const next = new Set(known);
        if (held) next.add(message);
        else next.delete(message);
        return next;
      });
  }, []);
  const kept = useMemo(() => {
    const ids = [...held, ...(focused === undefined ? [] : [focused])];
    const places = ids.map((id) => messages.findIndex((message) => message.id === id));
    return [...places, wanted].filter((place) => place >= 0);
  }, [messages, held, focused, wanted]);
  return [kept, keep];
}

/** Fetches what comes before and after, when the reader comes near. */
function useMore(list: React.RefObject<VirtualizerHandle | null>) {
  const { messages, earlier, later, more } = useConversation();
  const [loading, setLoading] = useState<"before" | "after" | null>(null);
  const [failed, setFailed] = useState<"before" | "after" | null>(null);
  const busy = useRef(false);
  const fetch = useCallback(
    async (where: "before" | "after") => {
      if (busy.current) return;
      busy.current = true;
      setLoading(where);
      setFailed(null);
      try {
        await more(where);
      } catch {
        setFailed(where);
      } finally {
        busy.current = false;
        setLoading(null);
      }
    },
    [more],
  );
  const look = useCallback(() => {
    const shown = list.current;
    if (!shown || shown.viewportSize === 0 || failed !== null) return;
    const top = shown.findItemIndex(shown.scrollOffset);
    const bottom = shown.findItemIndex(shown.scrollOffset + shown.viewportSize);
    if (earlier && top < FEW) fetch("before");
    else if (later && bottom >= messages.length - FEW) fetch("after");
  }, [list, earlier, later, failed, messages.length, fetch]);
  return { loading: loading !== null, failed, look, retry: () => failed && fetch(failed) };
}

/** A conversation on its way: the shape of a question and a reply. */
export function ThreadSkeleton() {
  const t = useWords();
  return (
    <div role="status" className="late mx-auto w-full max-w-(--measure) flex-1 px-4 pt-6">
      <span className="sr-only">{t.app.loading}</span>
      <div className="skeleton ms-auto h-11 w-2/5 rounded-lg" />
      <div className="mt-8 space-y-3">
        <div className="skeleton h-4 w-full" />
        <div className="skeleton h-4 w-11/12" />
        <div className="skeleton h-4 w-3/5" />
      </div>
    </div>
  );
}
