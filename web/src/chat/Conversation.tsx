import {
  AssistantRuntimeProvider,
  ExportedMessageRepository,
  type ThreadMessage,
  type ThreadMessageLike,
  useExternalStoreRuntime,
} from "@assistant-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import { api, Problem } from "~/api/client";
import { changeConversation, modelsQuery, threadQuery } from "~/api/queries";
import type { Message, Model, Thread as ThreadData } from "~/api/types";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { preferences, usePreference } from "~/preferences";
import { shortcut } from "~/shell/keys";
import { announce } from "~/shell/LiveRegion";
import { Composer } from "./Composer";
import { ConversationContext, type Trouble } from "./context";
import { drafts } from "./drafts";
import { ModelNotice } from "./ModelNotice";
import { Thread, ThreadSkeleton } from "./Thread";
import { ThreadProblem } from "./ThreadProblem";
import { headOf, pathTo } from "./tree";
import { useReplies } from "./useReplies";
import { Welcome } from "./Welcome";

const noMessages: readonly Message[] = [];

/** What assistant-ui needs to know of a message. The words of a reply being written do not pass through it. */
function alike(message: Message): ThreadMessageLike {
  const common = {
    id: message.id,
    role: message.role,
    content: [{ type: "text" as const, text: message.content }],
    createdAt: new Date(message.created_at),
    metadata: { custom: { message } },
  };
  if (message.role === "user") return common;
  switch (message.status) {
    case "streaming":
      return { ...common, status: { type: "running" } };
    case "complete":
      return { ...common, status: { type: "complete", reason: "stop" } };
    case "stopped":
      return { ...common, status: { type: "incomplete", reason: "cancelled" } };
    case "failed":
      return { ...common, status: { type: "incomplete", reason: "error" } };
  }
}

function useModel(
  thread: ThreadData | undefined,
): [Model | undefined, readonly Model[] | undefined, (name: string) => void] {
  const { data: models } = useQuery(modelsQuery);
  const preferred = usePreference("model");
  const wanted = thread?.conversation.model ?? preferred;
  const model =
    models?.find(({ name }) => name === wanted) ?? models?.find((each) => each.default) ?? models?.at(0);
  const conversation = thread?.conversation.id;
  const choose = (name: string) => {
    preferences.set("model", name);
    if (!conversation) return;
    changeConversation(conversation, { model: name });
    // The choice also goes with the next message, so a failure here loses nothing.
    api.changeConversation(conversation, { model: name }).catch(() => {});
  };
  return [model, models, choose];
}

/** One conversation, or with `id` null the invitation to begin one. */
export function Conversation({ id }: { id: string | null }) {
  const t = useWords();
  const navigate = useNavigate();
  const query = useQuery({ ...threadQuery(id ?? ""), enabled: id !== null });
  const thread = id === null ? undefined : query.data;
  const messages = thread?.messages ?? noMessages;
  const [model, models, chooseModel] = useModel(thread);
  const [trouble, setTrouble] = useState<Trouble | null>(null);

  const started = useCallback(
    (conversation: string) => {
      drafts.set(null, "");
      navigate({ to: "/c/$id", params: { id: conversation }, replace: true });
    },
    [navigate],
  );
  const ended = useCallback(
    (message: Message) => {
      if (message.status === "failed") announce(t.message.finishedFailed);
      else if (message.status === "stopped") announce(t.message.finishedStopped);
      else announce(`${t.message.finished} ${message.content.slice(0, 600)}`);
    },
    [t],
  );
  const replies = useReplies(id, thread, model?.name, started, ended);
  const { pending } = replies;

  const head = useMemo(() => (thread ? headOf(thread) : null), [thread]);
  const shownHead = pending ? pending.parent : head;
  const repository = useMemo(
    () =>
      ExportedMessageRepository.fromBranchableArray(
        messages.map((message) => ({ message: alike(message), parentId: message.parent_id })),
        { headId: shownHead },
      ),
    [messages, shownHead],
  );
  const path = useMemo(() => pathTo(messages, shownHead), [messages, shownHead]);
  const last = path.at(-1);
  const running = last?.status === "streaming";

  /** Tries something; what goes wrong is said in place, with a way to try again. */
  const attempt = useCallback(async (what: Omit<Trouble, "problem">, act: () => Promise<void>) => {
    setTrouble(null);
    try {
      await act();
    } catch (problem) {
      setTrouble({ ...what, problem });
    }
  }, []);

  const say = useCallback(
    (parent: string | null, content: string, fromComposer: boolean): Promise<void> =>
      attempt(
        { retry: () => say(parent, content, fromComposer), unsent: fromComposer ? content : null },
        async () => {
          await replies.say(parent, content);
          if (fromComposer) drafts.set(id, "");
        },
      ),
    [attempt, replies, id],
  );
  const regenerate = useCallback(
    (reply: Message): Promise<void> =>
      attempt({ retry: () => regenerate(reply), unsent: null }, () => replies.regenerate(reply)),
    [attempt, replies],
  );
  const stop = useCallback(
    (): Promise<void> => attempt({ retry: () => stop(), unsent: null }, () => replies.stop()),
    [attempt, replies],
  );

  const runtime = useExternalStoreRuntime<ThreadMessage>({
    messageRepository: repository,
    isRunning: running,
    isSendDisabled: pending !== null || !model,
    setMessages(shown) {
      // The reader walked to another branch: its leaf is remembered, here and on the server.
      const leaf = shown.at(-1)?.id;
      if (!id || !leaf || leaf === head || !messages.some((message) => message.id === leaf)) return;
      changeConversation(id, { current_message_id: leaf });
      api.changeConversation(id, { current_message_id: leaf }).catch(() => notify(t.thread.branchFailed));
    },
    async onNew(message) {
      await say(head, textOf(message), true);
    },
    async onEdit(message) {
      await say(message.parentId, textOf(message), false);
    },
    async onReload(parent, { sourceId }) {
      const reply =
        messages.find((message) => message.id === sourceId && message.role === "assistant") ??
        messages.findLast((message) => message.parent_id === parent && message.role === "assistant");
      if (reply) await regenerate(reply);
    },
    onCancel: stop,
  });

  useEffect(() => {
    if (!running) return;
    const pressed = (event: KeyboardEvent) => {
      // Escape first closes what is open over the conversation, and ends an edit.
      const elsewhere = document.querySelector("dialog[open], [role=menu]") !== null;
      const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea");
      if (elsewhere || typing || shortcut(event) !== "stop") return;
      event.preventDefault();
      stop();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [running, stop]);

  // What went wrong in one conversation is of no concern in another.
  const [troubleOf, setTroubleOf] = useState(id);
  if (troubleOf !== id) {
    setTroubleOf(id);
    setTrouble(null);
  }

  useEffect(() => {
    document.title = thread?.conversation.title ? `${thread.conversation.title} · Causette` : "Causette";
  }, [thread?.conversation.title]);

  const context = useMemo(
    () => ({ id, pending, running, trouble, setTrouble, model, models, chooseModel, regenerate }),
    [id, pending, running, trouble, model, models, chooseModel, regenerate],
  );

  const missing = query.error instanceof Problem && query.error.status === 404;
  const empty = id === null && !pending;
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <ConversationContext value={context}>
        {id !== null && !thread && query.error ? (
          <ThreadProblem missing={missing} error={query.error} retry={() => query.refetch()} />
        ) : (
          <div className="flex min-h-0 flex-1 flex-col">
            {empty ? (
              <Welcome>
                <Composer />
                <ModelNotice />
              </Welcome>
            ) : (
              <>
                {id !== null && !thread ? <ThreadSkeleton /> : <Thread key={id ?? "new"} />}
                <div className="mx-auto w-full max-w-(--measure) flex-none px-4 pb-[max(0.75rem,env(safe-area-inset-bottom))] max-lg:max-w-[46rem]">
                  <ModelNotice />
                  <Composer />
                  <p className="pt-2 text-center text-muted text-xs">{t.composer.caption}</p>
                </div>
              </>
            )}
          </div>
        )}
      </ConversationContext>
    </AssistantRuntimeProvider>
  );
}

function textOf(message: { content: readonly { type: string; text?: string }[] }): string {
  return message.content
    .flatMap((part) => (part.type === "text" && part.text ? [part.text] : []))
    .join("\n")
    .trim();
}
