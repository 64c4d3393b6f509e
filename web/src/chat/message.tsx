import { createContext, type ReactNode, startTransition, use, useEffect, useState } from "react";
import type { Message } from "~/api/types";

/** A message, and where it stands. */
export interface Placed {
  message: Message;
  /** Counted from 1 for the conversation's first message; from 2 while that one is not here. */
  place: number;
  /** How many the branch has; -1 while that is not known. */
  count: number;
  isLast: boolean;
  /** Has the thread keep it drawn, wherever the reader scrolls. */
  hold: (message: string, held: boolean) => void;
}

export const MessageContext = createContext<Placed | null>(null);

export function usePlaced(): Placed {
  const placed = use(MessageContext);
  if (!placed) throw new Error("There is no message around this.");
  return placed;
}

/** The message that is being drawn. */
export function useMessage(): Message {
  return usePlaced().message;
}

/** While `held`, what is written in a message is not lost by scrolling away from it. */
export function useHeld(held: boolean): void {
  const { message, hold } = usePlaced();
  const { id } = message;
  useEffect(() => {
    if (!held) return;
    hold(id, true);
    return () => hold(id, false);
  }, [id, held, hold]);
}

/** What is drawn for less than this is scrolled past; milliseconds. */
const PASSING_MS = 200;
/** The last message's are seen without a pointer over it, as soon as its words are. */
const LAST_MS = 50;

/** Whether the message stays: the buttons of one that is scrolled past, or not on the screen yet, are for nobody. */
export function useStays(): boolean {
  const { isLast } = usePlaced();
  const [stays, setStays] = useState(false);
  useEffect(() => {
    if (stays) return;
    const timer = setTimeout(() => startTransition(() => setStays(true)), isLast ? LAST_MS : PASSING_MS);
    return () => clearTimeout(timer);
  }, [stays, isLast]);
  return stays;
}

/** What a message is drawn in: one article of the thread. */
export function MessageRoot({ className, children }: { className: string; children: ReactNode }) {
  const { message, place, count } = usePlaced();
  return (
    <article
      className={className}
      data-message-id={message.id}
      data-role={message.role}
      data-status={message.role === "assistant" ? message.status : undefined}
      aria-posinset={place}
      aria-setsize={count}
    >
      {children}
    </article>
  );
}
