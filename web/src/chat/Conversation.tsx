import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { endedOutOfSight } from "~/alerts/alerts";
import { nameTab } from "~/alerts/unseen";
import { api, Problem } from "~/api/client";
import type { Place as InLine } from "~/api/events";
import {
  changeConversation,
  changeThread,
  keep,
  knownConversation,
  modelsQuery,
  queries,
  threadQuery,
} from "~/api/queries";
import type { Message, Model, Thread as ThreadData } from "~/api/types";
import { useOpened } from "~/artifacts/open";
import { AnsweringHeader } from "~/assistants/Answering";
import { assistantQuery, talkedWith } from "~/assistants/queries";
import { deleteConversations, deleteMessage, finishDeleting, useLeaving } from "~/deleting";
import type { Attachment } from "~/files/calls";
import { uploads } from "~/files/uploads";
import { closeFind, useFinding } from "~/find/opening";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { preferences, usePreference } from "~/preferences";
import { shortcut } from "~/shell/keys";
import { announce } from "~/shell/LiveRegion";
import { Box } from "./box";
import { Composer } from "./Composer";
import { ConversationContext, type Trouble } from "./context";
import { drafts } from "./drafts";
import { ModelNotice } from "./ModelNotice";
import { onBranch, upTo, withEarlier, withLater, withNew, without } from "./run";
import { TemporaryNote, TemporarySwitch, useHeldOpen } from "./Temporary";
import { Thread, ThreadSkeleton } from "./Thread";
import { ThreadProblem } from "./ThreadProblem";
import { type Place, useJump } from "./useJump";
import { useReplies } from "./useReplies";
import { Welcome } from "./Welcome";
import { useTreeWords } from "./words";

const ProjectHome = lazy(() =>
  import("~/organise/ProjectHome").then(({ ProjectHome }) => ({ default: ProjectHome })),
);

const AssistantHome = lazy(() =>
  import("~/assistants/AssistantHome").then(({ AssistantHome }) => ({ default: AssistantHome })),
);
const Panel = lazy(() => import("~/artifacts/Panel"));
const FindBar = lazy(() => import("~/find/FindBar"));

const noMessages: readonly Message[] = [];

/** Messages fetched at once on the way up or down. */
const MORE = 100;

function useModel(
  thread: ThreadData | undefined,
  assistant: string | null,
  assistants: string | null | undefined,
): [Model | undefined, readonly Model[] | undefined, (name: string) => void] {
  const { data: models } = useQuery(modelsQuery);
  const preferred = usePreference("model");
  // Whoever talks with another assistant begins with that one's model.
  const [chosen, setChosen] = useState<{ assistant: string; name: string } | null>(null);
  const here = chosen?.assistant === assistant ? chosen?.name : undefined;
  const wanted = thread?.conversation.model ?? (assistant === null ? preferred : (here ?? assistants));
  const model =
    models?.find(({ name }) => name === wanted) ?? models?.find((each) => each.default) ?? models?.at(0);
  const conversation = thread?.conversation.id;
  const choose = (name: string) => {
    if (assistant !== null) return setChosen({ assistant, name });
    preferences.set("model", name);
    if (!conversation) return;
    changeConversation(conversation, { model: name });
    // The choice also goes with the next message, so a failure here loses nothing.
    api.changeConversation(conversation, { model: name }).catch(() => {});
  };
  return [model, models, choose];
}

/**
 * One conversation, or with `id` null the invitation to begin one: in `project` or with `assistant`, when there is one.
 * With `begun` it stands beside something else: it is temporary, and goes nowhere when it begins.
 */
export function Conversation({
  id,
  project = null,
  assistant = null,
  begun,
}: {
  id: string | null;
  project?: string | null;
  assistant?: string | null;
  begun?: (conversation: string) => void;
}) {
  const t = useWords();
  const tree = useTreeWords();
  const navigate = useNavigate();
  const leaving = useLeaving();
  const { message: wanted } = useSearch({ strict: false });
  // Whoever comes for one message is shown that one, and not the end first.
  const query = useQuery({ ...threadQuery(id ?? ""), enabled: id !== null && wanted === undefined });
  const known = id === null ? undefined : query.data;
  const thread = useMemo(() => known && without(known, leaving), [known, leaving]);
  const [temporary, setTemporary] = useState(false);
  const where = useMemo(
    () => ({
      ...(project ? { project_id: project } : {}),
      ...(assistant ? { assistant_id: assistant } : {}),
      ...(begun || (temporary && !project) ? { temporary: true } : {}),
    }),
    [project, assistant, begun, temporary],
  );
  useHeldOpen(thread?.conversation.temporary ? id : null);
  const [from, setFrom] = useState<string | null>(null);
  const messages = thread?.messages ?? noMessages;
  const custom = useQuery({ ...assistantQuery(assistant ?? ""), enabled: assistant !== null && id === null });
  const [model, models, chooseModel] = useModel(thread, id === null ? assistant : null, custom.data?.model);
  const draft = begun ? `beside ${id ?? assistant}` : id;
  const opened = useOpened();
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [box] = useState(() => new Box());

  const started = useCallback(
    (conversation: string) => {
      drafts.set(draft, "");
      drafts.sayTo(draft, null);
      setTemporary(false);
      if (begun) return begun(conversation);
      if (assistant) talkedWith();
      navigate({ to: "/c/$id", params: { id: conversation }, replace: true });
    },
    [navigate, assistant, begun, draft],
  );
  const ended = useCallback(
    (message: Message) => {
      if (message.status === "failed") announce(t.message.finishedFailed);
      else if (message.status === "stopped") announce(t.message.finishedStopped);
      else announce(`${t.message.finished} ${message.content.slice(0, 600)}`);
      const conversation = knownConversation(message.conversation_id);
      if (document.hidden && conversation)
        endedOutOfSight(conversation, Date.now() - Date.parse(message.created_at));
    },
    [t],
  );
  const queued = useCallback(
    ({ position, seconds }: InLine) => announce(t.message.inLine(position, Math.ceil(seconds))),
    [t],
  );
  const replies = useReplies(id, thread, model?.name, where, started, ended, queued);
  const { pending } = replies;

  const goingOn = from !== null && messages.some((message) => message.id === from);
  const shown = useMemo(() => {
    if (pending) return upTo(messages, pending.parent);
    return goingOn ? upTo(messages, from) : messages;
  }, [messages, pending, goingOn, from]);
  const later = (thread?.later ?? false) && !goingOn && !pending;
  const running = !later && shown.at(-1)?.status === "streaming";

  /** Tries something; what goes wrong is said in place, with a way to try again. */
  const attempt = useCallback(async (what: Omit<Trouble, "problem">, act: () => Promise<void>) => {
    setTrouble(null);
    try {
      await act();
    } catch (problem) {
      setTrouble({ ...what, problem });
    }
  }, []);

  const openEnd = useCallback(async (): Promise<string | null> => {
    if (!id) return null;
    const { queryKey } = threadQuery(id);
    if (queries.getQueryData(queryKey)?.later !== false)
      queries.setQueryData(queryKey, await api.conversation(id));
    return queries.getQueryData(queryKey)?.end ?? null;
  }, [id]);
  /** Says something under a message, or at the end of the branch wherever that is. */
  const say = useCallback(
    (
      parent: string | null | "end",
      content: string,
      files: readonly Attachment[] | null = null,
      to: string | null = null,
    ): Promise<void> =>
      attempt(
        { retry: () => say(parent, content, files, to), unsent: files === null ? content : null },
        async () => {
          await finishDeleting();
          // From the composer go the files beside it, to whom is named there; an edited message has its own.
          const sent = files ?? uploads.ready(id);
          const mention = files === null ? drafts.saidTo(draft) : to;
          await replies.say(parent === "end" ? await openEnd() : parent, content, sent, mention);
          setFrom(null);
          if (files === null) {
            drafts.set(draft, "");
            drafts.sayTo(draft, null);
            uploads.sent(
              id,
              sent.map((file) => file.id),
            );
          }
        },
      ),
    [attempt, openEnd, replies, id, draft],
  );
  const regenerate = useCallback(
    (message: Message, other?: string): Promise<void> =>
      attempt({ retry: () => regenerate(message, other), unsent: null }, () =>
        replies.regenerate(message, other),
      ),
    [attempt, replies],
  );
  /** The branch that is shown is remembered, here and on the server. */
  const remember = useCallback(
    (end: string) => {
      if (!id) return;
      changeConversation(id, { current_message_id: end });
      api.changeConversation(id, { current_message_id: end }).catch(() => notify(t.thread.branchFailed));
    },
    [id, t],
  );
  const [target, goTo] = useJump(id, remember);
  const finding = useFinding(id);
  const show = useCallback(
    async (version: string) => {
      if (!id) return;
      setFrom(null);
      try {
        const read = await api.conversation(id, { at: version });
        await queries.cancelQueries({ queryKey: threadQuery(id).queryKey });
        changeThread(id, (current) => onBranch(current, version, read));
        if (read.end !== null) remember(read.end);
      } catch {
        notify(t.thread.versionFailed);
      }
    },
    [id, remember, t],
  );
  const more = useCallback(
    async (where: "before" | "after") => {
      const known = id ? queries.getQueryData(threadQuery(id).queryKey) : undefined;
      const [first, last] = [known?.messages[0], known?.messages.at(-1)];
      if (!id || !first || !last || !known?.end) return;
      if (where === "before") {
        const run = await api.before(id, first.id, MORE);
        changeThread(id, (current) => withEarlier(current, run));
      } else {
        const run = await api.after(id, last.id, known.end, MORE);
        changeThread(id, (current) => withLater(current, run));
      }
    },
    [id],
  );
  // Whoever left a conversation in its middle comes back to its end.
  useEffect(
    () => () => {
      closeFind(id);
      const { queryKey } = threadQuery(id ?? "");
      if (queries.getQueryData(queryKey)?.later) queries.removeQueries({ queryKey });
    },
    [id],
  );
  const acts = useMemo(
    () => ({
      show,
      openEnd,
      more,
      jump(message: string, place?: Place) {
        setFrom(null);
        return goTo(message, place);
      },
      edit: (message: Message, content: string, to: string | null) =>
        void say(message.parent_id, content, message.attachments ?? [], to),
      continueFrom: (message: Message | null) => setFrom(message?.id ?? null),
      async correct(reply: Message, content: string) {
        const { conversation, message } = await api.correct(reply.id, content);
        changeThread(conversation.id, (current) => withNew(current, [message], conversation));
        keep(conversation);
      },
      remove(message: Message) {
        const other = message.versions.findLast((version) => version !== message.id);
        setFrom(null);
        if (other !== undefined) {
          deleteMessage(message, () => show(message.id));
          return void show(other);
        }
        if (message.parent_id !== null) return deleteMessage(message, () => {});
        // Nothing would be left.
        const { conversation_id } = message;
        deleteConversations([conversation_id], () =>
          navigate({ to: "/c/$id", params: { id: conversation_id } }),
        );
        navigate({ to: "/" });
      },
    }),
    [show, openEnd, more, goTo, say, navigate],
  );
  const stop = useCallback(
    (): Promise<void> => attempt({ retry: () => stop(), unsent: null }, () => replies.stop()),
    [attempt, replies],
  );

  /** Says something below what is shown, or at the end of the branch where its end is not. */
  const isHere = id === null || (thread !== undefined && !later);
  const sayNext = (content: string) => say(isHere ? (shown.at(-1)?.id ?? null) : "end", content);
  const next = useRef(sayNext);
  useEffect(() => {
    next.current = sayNext;
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
    setFrom(null);
  }

  useEffect(() => {
    if (!begun) nameTab(thread?.conversation.title ?? null);
  }, [thread?.conversation.title, begun]);

  const context = useMemo(
    () => ({
      id,
      draft,
      messages: shown,
      earlier: thread?.earlier ?? false,
      later,
      pending,
      target,
      running,
      trouble,
      setTrouble,
      model,
      models,
      chooseModel,
      regenerate,
      box,
      send: (content: string) => void next.current(content),
      stop: () => void stop(),
      ...acts,
    }),
    [
      id,
      draft,
      shown,
      thread?.earlier,
      later,
      pending,
      target,
      running,
      trouble,
      model,
      models,
      chooseModel,
      regenerate,
      box,
      stop,
      acts,
    ],
  );

  const missing = query.error instanceof Problem && query.error.status === 404;
  const empty = id === null && !pending;
  return (
    <ConversationContext value={context}>
      {id !== null && !thread && query.error ? (
        <ThreadProblem missing={missing} error={query.error} retry={() => query.refetch()} />
      ) : (
        <div className="flex min-h-0 flex-1 flex-col" data-column>
          {empty && project ? (
            <Suspense>
              <ProjectHome id={project}>
                <Composer />
                <ModelNotice />
              </ProjectHome>
            </Suspense>
          ) : empty && assistant ? (
            <>
              {!begun && <TemporarySwitch on={temporary} set={setTemporary} />}
              <Suspense>
                <AssistantHome id={assistant} bare={begun !== undefined}>
                  <Composer />
                  <ModelNotice />
                </AssistantHome>
              </Suspense>
            </>
          ) : empty ? (
            <>
              <TemporarySwitch on={temporary} set={setTemporary} />
              <Welcome temporary={temporary}>
                <Composer />
                <ModelNotice />
              </Welcome>
            </>
          ) : (
            <>
              <h1 className="sr-only">{thread?.conversation.title || t.sidebar.untitled}</h1>
              {thread?.conversation.temporary && !begun && <TemporaryNote />}
              {thread?.conversation.assistant_id && !begun && (
                <AnsweringHeader id={thread.conversation.assistant_id} />
              )}
              {finding && !begun && thread && (
                <div className="relative z-20 flex-none">
                  <Suspense>
                    <FindBar finding={finding} />
                  </Suspense>
                </div>
              )}
              {id !== null && !thread ? <ThreadSkeleton /> : <Thread key={id ?? "new"} />}
              <div className="mx-auto w-full max-w-(--measure) flex-none px-4 pb-[max(0.75rem,env(safe-area-inset-bottom))] max-lg:max-w-[46rem]">
                <ModelNotice />
                {goingOn && !pending && (
                  <p className="appear flex items-center gap-2 pb-1 ps-4 text-muted text-sm">
                    <span className="me-auto">{tree.continuing}</span>
                    <button
                      type="button"
                      onClick={() => setFrom(null)}
                      className="h-8 rounded-sm px-2.5 font-medium text-accent hover:bg-tint touch:h-11"
                    >
                      {tree.continueEnd}
                    </button>
                  </p>
                )}
                <Composer />
                <p className="pt-2 text-center text-muted text-xs">{t.composer.caption}</p>
              </div>
            </>
          )}
        </div>
      )}
      {opened && !empty && (
        <Suspense>
          <Panel />
        </Suspense>
      )}
    </ConversationContext>
  );
}
