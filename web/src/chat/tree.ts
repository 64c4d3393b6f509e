import type { Message, Thread } from "~/api/types";

/** The children of each message, oldest first; the roots are the children of `null`. */
export type Children = ReadonlyMap<string | null, readonly Message[]>;

export function childrenOf(messages: readonly Message[]): Children {
  const children = new Map<string | null, Message[]>();
  for (const message of messages) {
    const siblings = children.get(message.parent_id);
    if (siblings) siblings.push(message);
    else children.set(message.parent_id, [message]);
  }
  return children;
}

/** The newest leaf under a message, following the newest child at every fork; the message itself when it has none. */
export function leafUnder(children: Children, id: string | null): string | null {
  let leaf = id;
  for (let next = children.get(leaf)?.at(-1); next; next = children.get(leaf)?.at(-1)) leaf = next.id;
  return leaf;
}

/** The leaf to show: below the one that the server remembers, or the newest there is. */
export function headOf(thread: Thread): string | null {
  const current = thread.conversation.current_message_id;
  const known = current !== null && thread.messages.some((message) => message.id === current);
  return leafUnder(childrenOf(thread.messages), known ? current : null);
}

/** The messages from the root down to `head`. */
export function pathTo(messages: readonly Message[], head: string | null): Message[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const path: Message[] = [];
  for (
    let at = head === null ? undefined : byId.get(head);
    at;
    at = at.parent_id === null ? undefined : byId.get(at.parent_id)
  )
    path.push(at);
  return path.reverse();
}

/** The thread with some messages put in or replaced, and its conversation replaced. */
export function withMessages(
  thread: Thread,
  messages: readonly Message[],
  conversation = thread.conversation,
): Thread {
  const incoming = new Map(messages.map((message) => [message.id, message]));
  const kept = thread.messages.map((message) => incoming.get(message.id) ?? message);
  const known = new Set(thread.messages.map((message) => message.id));
  return { conversation, messages: [...kept, ...messages.filter((message) => !known.has(message.id))] };
}
