import { useCallback, useEffect, useMemo, useState } from "react";
import { api, type Problem } from "~/api/client";
import {
  bringForward,
  changeConversation,
  changeThread,
  conversationsQuery,
  queries,
  threadQuery,
} from "~/api/queries";
import type { Message, Started, Thread } from "~/api/types";
import { live } from "./live";
import { withMessages } from "./tree";

/** Something said whose answer from the server is on its way. */
export interface Pending {
  /** The message that it hangs under. */
  parent: string | null;
  /** The user's words; null when a reply is made again. */
  content: string | null;
}

/** Takes in what the server began: the new messages, and the branch that they are on. */
function takeIn({ conversation, messages }: Started): void {
  const head = messages.at(-1)?.id ?? conversation.current_message_id;
  const current = { ...conversation, current_message_id: head };
  queries.setQueryData(threadQuery(conversation.id).queryKey, (thread?: Thread) =>
    withMessages(thread ?? { conversation: current, messages: [] }, messages, current),
  );
  bringForward(current);
}

/**
 * Starts, stops and follows the replies of one conversation (`null`: the one not yet begun).
 *
 * `started` is called with the id of a conversation that came into being, `ended` once for each reply that ended while it
 * was followed.
 */
export function useReplies(
  conversation: string | null,
  thread: Thread | undefined,
  model: string | undefined,
  started: (conversation: string) => void,
  ended: (message: Message) => void,
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
      finished({ status, finish_reason, error }, content) {
        let complete: Message | undefined;
        changeThread(conversation, (current) => {
          const before = current.messages.find(({ id }) => id === message);
          if (before) complete = { ...before, content, status, finish_reason, error };
          return withMessages(current, complete ? [complete] : []);
        });
        changeConversation(conversation, { active_generation_id: null });
        if (complete) ended(complete);
      },
      titled(title) {
        changeConversation(conversation, { title });
      },
      lost() {
        queries.invalidateQueries({ queryKey: threadQuery(conversation).queryKey });
        queries.invalidateQueries({ queryKey: conversationsQuery.queryKey });
      },
    });
  }, [conversation, message, generation, ended]);

  const begin = useCallback(async (what: Pending, ask: () => Promise<Started>): Promise<Started> => {
    setPending(what);
    try {
      const answer = await ask();
      takeIn(answer);
      return answer;
    } finally {
      setPending(null);
    }
  }, []);

  return useMemo(
    () => ({
      pending,
      streaming,
      /** Says something under `parent` (a sibling of what already hangs there, when something does). */
      async say(parent: string | null, content: string): Promise<void> {
        const chosen = model ? { model } : {};
        const answer = await begin({ parent, content }, () =>
          conversation
            ? api.say(conversation, { parent_id: parent, content, ...chosen })
            : api.startConversation({ content, ...chosen }),
        );
        if (!conversation) started(answer.conversation.id);
      },
      /** Has a reply made again, beside the one there is. */
      async regenerate(reply: Message): Promise<void> {
        await begin({ parent: reply.parent_id, content: null }, () =>
          api.regenerate(reply.id, model ? { model } : {}),
        );
      },
      /** Stops the reply being written. The stream then tells that it ended. */
      async stop(): Promise<void> {
        if (streaming?.generation_id) await api.stop(streaming.generation_id);
      },
    }),
    [pending, streaming, conversation, model, begin, started],
  );
}

export type Replies = ReturnType<typeof useReplies>;
export type { Problem };
