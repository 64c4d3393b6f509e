import {
  type InfiniteData,
  infiniteQueryOptions,
  MutationCache,
  QueryCache,
  QueryClient,
  type QueryKey,
  queryOptions,
} from "@tanstack/react-query";
import { endedOutOfSight } from "~/alerts/alerts";
import { forgetUnseen } from "~/alerts/unseen";
import { merged } from "~/chat/run";
import { forgetKept, recall } from "~/offline";
import { adopt, preferences } from "~/preferences";
import { api, call, type List, Problem } from "./client";
import { connection } from "./connection";
import { conversationAskedEarly } from "./early";
import { placed, without } from "./lists";
import type { PlanInForce } from "./money";
import type { Bootstrap, Conversation, Conversations, Message, Thread, User } from "./types";

function refused(error: Error): void {
  if (!(error instanceof Problem)) return;
  if (error.status === 401) signedOut();
  // It may be the workspace that is not there any more.
  if (error.status === 404 && preferences.get("workspace"))
    queries.invalidateQueries({ queryKey: workspacesQuery.queryKey });
}

export const queries = new QueryClient({
  queryCache: new QueryCache({ onError: refused }),
  mutationCache: new MutationCache({ onError: refused }),
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // Whether there is a network is for each call to find out: what it says offline is told.
      networkMode: "always",
      refetchOnReconnect: true,
      retry: (failures, error) => (error instanceof Problem && error.status < 500 ? false : failures < 2),
    },
    mutations: { networkMode: "always" },
  },
});

connection.onReturn(() => queries.invalidateQueries());

const bootstrapKey = ["bootstrap"];

export const bootstrapQuery = queryOptions({
  queryKey: bootstrapKey,
  async queryFn(): Promise<Bootstrap> {
    try {
      const known = await api.bootstrap();
      if (known.user) adopt(known.user);
      return known;
    } catch (error) {
      // Without the server, the app opens on what this device keeps.
      const away =
        error instanceof Problem && (error.status === 0 || (error.status >= 502 && error.status <= 504));
      const known = away && !queries.getQueryData(bootstrapKey) ? await recall() : null;
      if (known) return known;
      throw error;
    }
  },
  staleTime: Number.POSITIVE_INFINITY,
  // Nothing can be shown without it.
  retry: true,
  retryDelay: 1_500,
});

const WAKING_MS = 2_000;

/** The plan in force for whom one acts for, and what it has. */
export const subscriptionQuery = queryOptions({
  queryKey: ["plan", "mine"],
  queryFn: () => call<PlanInForce>("GET", "/api/subscription"),
});

/** The models; asked for again and again while one of them is not ready. */
export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: async () => (await api.models()).items,
  initialData: () => {
    // Strangers are told of none, and a stranger may just have come in.
    const told = queries.getQueryData(bootstrapQuery.queryKey)?.models;
    return told?.length ? told : undefined;
  },
  initialDataUpdatedAt: () => queries.getQueryState(bootstrapQuery.queryKey)?.dataUpdatedAt,
  staleTime: 60_000,
  refetchInterval: ({ state }) =>
    state.data?.every((model) => model.state === "ready") && state.data.length > 0 ? false : WAKING_MS,
});

/** The workspaces that one is in. Who acts for one that they have left acts for themselves again. */
export const workspacesQuery = queryOptions({
  queryKey: ["workspaces"],
  async queryFn() {
    const { items } = await api.workspaces();
    const chosen = preferences.get("workspace");
    if (chosen && !items.some((item) => item.id === chosen)) actAs(null);
    return items;
  },
  staleTime: 60_000,
});

/** Acts for a workspace, or for oneself again: what is shown from now on is theirs. */
export function actAs(workspace: string | null): void {
  preferences.set("workspace", workspace);
  queries.resetQueries({
    predicate: ({ queryKey }) =>
      !forStrangers.has(queryKey[0]) && queryKey[0] !== workspacesQuery.queryKey[0],
  });
}

const REPLYING_MS = 4_000;

/** All the lists of conversations, to be asked for again. */
export const everyList = { queryKey: ["conversations"] };

/** Some of the conversations, the newest first. What happens in them comes with `activityQuery`. */
export function listQuery(list: List) {
  return infiniteQueryOptions({
    queryKey: ["conversations", list.scope, list.project ?? null],
    queryFn: ({ pageParam }) => api.conversations(pageParam, list),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    // Asking for every page again would be much, and `activityQuery` brings what is new.
    refetchOnWindowFocus: false,
  });
}

/** Every conversation that is not archived. */
export const conversationsQuery = listQuery({ scope: "all" });

/** The first few of a project, for the sidebar. They are kept as a list of one page, so that they change like the others. */
export function fewOf(project: string) {
  return queryOptions({
    queryKey: ["conversations", "few", project],
    queryFn: async (): Promise<InfiniteData<Conversations>> => ({
      pages: [await api.conversations(null, { scope: "all", project }, FEW)],
      pageParams: [null],
    }),
  });
}

export const FEW = 6;
const LATEST = 20;

/** Since when (milliseconds since 1970) a reply has been seen in the making, by conversation. */
const replying = new Map<string, number>();

/** What happened last, taken into the lists; asked for again while a reply is being written. */
export const activityQuery = queryOptions({
  queryKey: ["activity"],
  async queryFn() {
    const { items } = await api.conversations(null, { scope: "all" }, LATEST);
    for (const item of items.toReversed()) {
      const known = knownConversation(item.id);
      if (
        known?.active_generation_id &&
        !item.active_generation_id &&
        window.location.pathname !== `/c/${item.id}`
      )
        endedOutOfSight(item, Date.now() - (replying.get(item.id) ?? Date.now()));
      if (!item.active_generation_id) replying.delete(item.id);
      else if (!replying.has(item.id)) replying.set(item.id, Date.now());
      if (!known || known.updated_at !== item.updated_at || !alike(known, item)) keep(item);
    }
    return items;
  },
  refetchInterval: ({ state }) =>
    state.data?.some((item) => item.active_generation_id) || someReplying() ? REPLYING_MS : false,
  // Whoever went to another tab meanwhile is told when it ends.
  refetchIntervalInBackground: true,
});

function alike(one: Conversation, other: Conversation): boolean {
  return one.title === other.title && one.active_generation_id === other.active_generation_id;
}

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: async () => (await api.projects()).items,
  staleTime: 60_000,
});

export function threadQuery(conversation: string) {
  return queryOptions({
    queryKey: ["conversation", conversation],
    async queryFn({ queryKey, signal }): Promise<Thread> {
      const known = queries.getQueryData<Thread>(queryKey);
      // Whoever reads in the middle stays there.
      const at = known?.later ? known.messages.at(-1)?.id : undefined;
      return merged(known, await api.conversation(conversation, { ...(at ? { at } : {}), signal }));
    },
  });
}

/** Takes in what the page asked for before its scripts were here, so that the first thing drawn is all of it. */
export async function takeInEarly(): Promise<void> {
  queries.prefetchQuery(bootstrapQuery);
  const conversation = await conversationAskedEarly();
  if (conversation) queries.prefetchQuery(threadQuery(conversation));
}

/** A message's versions in full. */
export function versionsQuery({ id, versions }: Message) {
  return queryOptions({
    queryKey: ["versions", id, versions],
    queryFn: async () => (await api.versions(id)).items,
    staleTime: 0,
  });
}

const MANY = 200;

/** All messages from the root of a conversation to this one. */
export async function branchTo(message: Message): Promise<Message[]> {
  const branch = [message];
  for (let first = message; first.parent_id !== null; first = branch[0] as Message) {
    const { messages } = await api.before(message.conversation_id, first.id, MANY);
    if (messages.length === 0) break;
    branch.unshift(...messages);
  }
  return branch;
}

export function signedIn(user: User): void {
  queries.setQueryData(bootstrapQuery.queryKey, (known?: Bootstrap) =>
    known ? { ...known, user, setup_required: false } : known,
  );
}

export function signedOut(): void {
  queries.setQueryData(bootstrapQuery.queryKey, (known?: Bootstrap) =>
    known ? { ...known, user: null } : known,
  );
}

/** What strangers may know as well. */
const forStrangers = new Set<unknown>([bootstrapQuery.queryKey[0], "door", "shared"]);

/** Forgets what only its owner may see; once nothing on the page shows it any more. */
export function forgetEverything(): void {
  forgetUnseen();
  preferences.set("workspace", null);
  queries.removeQueries({ predicate: ({ queryKey }) => !forStrangers.has(queryKey[0]) });
}

export function changeThread(conversation: string, change: (thread: Thread) => Thread): void {
  queries.setQueryData(threadQuery(conversation).queryKey, (thread?: Thread) => thread && change(thread));
}

type ListData = InfiniteData<Conversations>;

function lists(): [QueryKey, ListData | undefined][] {
  return queries.getQueriesData<ListData>(everyList);
}

/** A conversation as one of the lists or its thread has it. */
export function knownConversation(id: string): Conversation | undefined {
  for (const [, list] of lists())
    for (const page of list?.pages ?? []) {
      const found = page.items.find((item) => item.id === id);
      if (found) return found;
    }
  return queries.getQueryData(threadQuery(id).queryKey)?.conversation;
}

function someReplying(): boolean {
  return lists().some(([, list]) =>
    list?.pages.some((page) => page.items.some((item) => item.active_generation_id !== null)),
  );
}

/** Changes what is known of a conversation, in the lists and in its thread. */
export function changeConversation(id: string, change: Partial<Conversation>): void {
  changeThread(id, (thread) => ({ ...thread, conversation: { ...thread.conversation, ...change } }));
  if ("pinned" in change || "archived" in change || "project_id" in change) {
    const known = knownConversation(id);
    if (known) keep({ ...known, ...change });
    return;
  }
  for (const [key, list] of lists())
    if (list?.pages.some((page) => page.items.some((item) => item.id === id)))
      queries.setQueryData<ListData>(key, {
        ...list,
        pages: list.pages.map((page) => ({
          ...page,
          items: page.items.map((item) => (item.id === id ? { ...item, ...change } : item)),
        })),
      });
}

/** Puts a conversation where it belongs, in every list that is known. */
export function keep(conversation: Conversation): void {
  for (const [key, list] of lists())
    if (list) queries.setQueryData<ListData>(key, placed(key, list, conversation));
}

/** Takes a conversation out of every list. */
export function forget(conversation: string): void {
  for (const [key, list] of lists())
    if (list) queries.setQueryData<ListData>(key, without(list, conversation));
  queries.removeQueries({ queryKey: threadQuery(conversation).queryKey });
  forgetKept(conversation);
}
