import type { Conversation, Message, Run, Thread } from "~/api/types";

/** The messages of a run up to one of them; none for `null`, all of them when it is not there. */
export function upTo(messages: readonly Message[], id: string | null): readonly Message[] {
  if (id === null) return [];
  const at = messages.findIndex((message) => message.id === id);
  return at < 0 || at === messages.length - 1 ? messages : messages.slice(0, at + 1);
}

/** The custom assistant that a message is said to, or the one that a reply is to. */
export function saidTo(
  messages: readonly Message[],
  { role, parent_id, assistant_id }: Message,
): string | null {
  if (role === "user") return assistant_id ?? null;
  const question = messages.find(({ id }) => id === parent_id);
  return question?.role === "user" ? (question.assistant_id ?? null) : null;
}

/** The thread with no more than its last `count` messages. */
export function endOf(thread: Thread, count: number): Thread {
  if (thread.messages.length <= count) return thread;
  return { ...thread, messages: thread.messages.slice(-count), earlier: true };
}

/** The thread as if the messages in `leaving` and all that follows them were deleted. */
export function without(thread: Thread, leaving: ReadonlySet<string>): Thread {
  if (leaving.size === 0) return thread;
  const stays = (id: string) => !leaving.has(id);
  const first = thread.messages.findIndex(({ id }) => !stays(id));
  const kept = first < 0 ? thread.messages : thread.messages.slice(0, first);
  return {
    ...thread,
    ...(first < 0 ? {} : { later: false, end: kept.at(-1)?.id ?? null }),
    messages: kept.map((message) =>
      message.versions.every(stays) ? message : { ...message, versions: message.versions.filter(stays) },
    ),
  };
}

/** The thread with messages of it replaced by what they have become. */
export function withChanged(thread: Thread, changed: readonly Message[]): Thread {
  const by = new Map(changed.map((message) => [message.id, message]));
  return { ...thread, messages: thread.messages.map((message) => by.get(message.id) ?? message) };
}

/** The thread with new messages under the ones that they follow. What stood there gives way: they are the branch shown. */
export function withNew(thread: Thread, added: readonly Message[], conversation: Conversation): Thread {
  let { messages, earlier, later, end } = thread;
  for (const message of added) {
    const parent = message.parent_id;
    if (parent !== null && !messages.some(({ id }) => id === parent)) continue;
    messages = [...upTo(messages, parent), message];
    if (parent === null) earlier = false;
    later = false;
    end = message.id;
  }
  return { conversation, messages, earlier, later, end };
}

/** What is known of a thread together with a run of it that was just read, where the two meet; else the run. */
export function merged(known: Thread | undefined, read: Thread): Thread {
  const [first, last] = [read.messages[0], read.messages.at(-1)];
  if (!known || !first || !last) return read;
  const from = known.messages.findIndex(({ id }) => id === first.id);
  const to = known.messages.findIndex(({ id }) => id === last.id);
  const before = from < 0 ? [] : known.messages.slice(0, from);
  const after = read.later && to >= 0 && known.end === read.end ? known.messages.slice(to + 1) : [];
  return {
    ...read,
    messages: [...before, ...read.messages, ...after],
    earlier: from < 0 ? read.earlier : known.earlier,
    later: after.length > 0 ? known.later : read.later,
  };
}

/** The thread with what leads to its first message. */
export function withEarlier(thread: Thread, run: Run): Thread {
  const next = thread.messages[0]?.parent_id;
  if (run.messages.at(-1)?.id !== next) return thread;
  return { ...thread, messages: [...run.messages, ...thread.messages], earlier: run.earlier };
}

/** The thread with what follows its last message. */
export function withLater(thread: Thread, run: Run): Thread {
  if (run.messages.length > 0 && run.messages[0]?.parent_id !== thread.messages.at(-1)?.id) return thread;
  return { ...thread, messages: [...thread.messages, ...run.messages], later: run.later, end: run.end };
}

/** The thread on the branch of a version that takes the place of one of its messages; `read` is what is around it. */
export function onBranch(thread: Thread, version: string, read: Thread): Thread {
  const at = read.messages.findIndex(({ id }) => id === version);
  const shown = read.messages[at];
  if (!shown) return read;
  const place = thread.messages.findIndex(({ parent_id }) => parent_id === shown.parent_id);
  if (place < 0) return read;
  return {
    ...read,
    messages: [...thread.messages.slice(0, place), ...read.messages.slice(at)],
    earlier: thread.earlier,
  };
}
