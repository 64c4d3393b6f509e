import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api, type Problem } from "~/api/client";
import type { Place } from "~/api/events";
import { changeConversation, changeThread, everyList, keep, queries, threadQuery } from "~/api/queries";
import type { Message, Started, Thread } from "~/api/types";
import type { Attachment } from "~/files/calls";
import { live } from "./live";
import { cameIntoBeing, sending } from "./parts/options";
import { saidTo, withChanged, withNew } from "./run";

/** Something said whose answer from the server is on its way. */
export interface Pending {
  /** The message that it hangs under. */
  parent: string | null;
  /** The user's words; null when a reply is made again. */
  content: string | null;
  files?: readonly Attachment[];
  /** The custom assistant that it is said to. */
  mention?: string | null;
  /** The model asked for, where that is another one. */
  by?: string | undefined;
}

/** What nobody else calls anything: `crypto.randomUUID` is not there where the page came over plain HTTP. */
const newName = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

/** Takes in what the server began: the new messages, and the branch that they are on. */
function takeIn({ conversation, messages }: Started): void {
  const head = messages.at(-1)?.id ?? conversation.current_message_id;
  const current = { ...conversation, current_message_id: head };
  queries.setQueryData(threadQuery(conversation.id).queryKey, (thread?: Thread) =>
    withNew(
      thread ?? { conversation: current, messages: [], earlier: false, later: false, end: null },
      messages,
      current,
    ),
  );
  if (!current.temporary) keep(current);
}

/**
 * Starts, stops and follows the replies of one conversation (`null`: the one not yet begun).
 *
 * `started` is called with the id of a conversation that came into being, `ended` once for each reply that ended while it
 * was followed, `queued` once for each that has to wait.
 */
export function useReplies(
  conversation: string | null,
  thread: Thread | undefined,
  model: string | undefined,
  where: { project_id?: string; assistant_id?: string; temporary?: boolean },
  started: (conversation: string) => void,
  ended: (message: Message) => void,
  queued: (place: Place) => void,
) {
  const [pending, setPending] = useState<Pending | null>(null);
  const streaming = thread?.messages.findLast(({ status }) => status === "streaming");
  const [following, setFollowing] = useState<Message | null>(null);

  // A stream stays open after its reply ended: its log still has the title to come.
  const next = streaming?.generation_id ? streaming : following;
  if (next && (next.generation_id !== following?.generation_id || next.conversation_id !== conversation))
    setFollowing(next.conversation_id === conversation ? next : null);

  const message = following?.id;
  const generation = following?.generation_id;
  useEffect(() => {
    if (!message || !generation || !conversation) return;
    const known = queries
      .getQueryData(threadQuery(conversation).queryKey)
      ?.messages.find(({ id }) => id === message);
    return live.open(message, generation, known?.content ?? "", {
      finished({ status, finish_reason, error }, content, found) {
        let complete: Message | undefined;
        changeThread(conversation, (current) => {
          const before = current.messages.find(({ id }) => id === message);
          const parts = found.length > 0 ? (found as unknown as NonNullable<Message["parts"]>) : null;
          if (before) complete = { ...before, content, status, finish_reason, error, parts };
          return withChanged(current, complete ? [complete] : []);
        });
        changeConversation(conversation, { active_generation_id: null });
        if (complete) ended(complete);
      },
      queued,
      remembered() {
        queries.invalidateQueries({ queryKey: ["remembered", conversation] });
      },
      titled(title) {
        changeConversation(conversation, { title });
      },
      lost() {
        queries.invalidateQueries({ queryKey: threadQuery(conversation).queryKey });
        queries.invalidateQueries(everyList);
      },
    });
  }, [conversation, message, generation, ended, queued]);

  const unheard = useRef({ what: "", name: "" });
  const begin = useCallback(
    async (what: Pending, ask: (name: string) => Promise<Started>): Promise<Started> => {
      // Under whatever it would hang: what came through after all may be on the screen by now.
      const { content, files, parent, by, mention } = what;
      const same = JSON.stringify([conversation, content ?? parent, files?.map(({ id }) => id), by, mention]);
      // Whoever says it once more because no answer came says it under the same name, and not twice.
      if (unheard.current.what !== same) unheard.current = { what: same, name: newName() };
      setPending(what);
      try {
        const answer = await ask(unheard.current.name);
        unheard.current = { what: "", name: "" };
        takeIn(answer);
        return answer;
      } finally {
        setPending(null);
      }
    },
    [conversation],
  );

  return useMemo(
    () => ({
      pending,
      streaming,
      /** Says something under `parent` (a sibling of what already hangs there, when something does). */
      async say(
        parent: string | null,
        content: string,
        files: readonly Attachment[] = [],
        mention: string | null = null,
      ): Promise<void> {
        const ids = files.map((file) => file.id);
        const chosen = {
          ...(model ? { model } : {}),
          ...sending(conversation),
          ...(ids.length > 0 ? { files: ids } : {}),
          ...(mention ? { mention } : {}),
        };
        const answer = await begin({ parent, content, files, mention }, (name) =>
          conversation
            ? api.say(conversation, { parent_id: parent, content, ...chosen }, name)
            : api.startConversation({ content, ...chosen, ...where }, name),
        );
        if (!conversation) {
          cameIntoBeing(answer.conversation.id);
          started(answer.conversation.id);
        }
      },
      /** Has a reply made again, beside the one there is; or one to a message that has none. */
      async regenerate(message: Message, other?: string): Promise<void> {
        const parent = message.role === "user" ? message.id : message.parent_id;
        // Who is mentioned replies in ways of their own.
        const mentioned = saidTo(thread?.messages ?? [], message) !== null;
        const by = other ?? (mentioned ? undefined : model);
        const chosen = { ...(by ? { model: by } : {}), ...(mentioned ? {} : sending(conversation)) };
        await begin({ parent, content: null, by }, (name) => api.regenerate(message.id, chosen, name));
      },
      /** Stops the reply being written. The stream then tells that it ended. */
      async stop(): Promise<void> {
        if (streaming?.generation_id) await api.stop(streaming.generation_id);
      },
    }),
    [pending, streaming, conversation, thread?.messages, model, where, begin, started],
  );
}

export type Replies = ReturnType<typeof useReplies>;
export type { Problem };
