import {
  type InfiniteData,
  infiniteQueryOptions,
  MutationCache,
  QueryCache,
  QueryClient,
  queryOptions,
} from "@tanstack/react-query";
import { adopt } from "~/preferences";
import { api, Problem } from "./client";
import { connection } from "./connection";
import type { Bootstrap, Conversation, Conversations, Thread, User } from "./types";

function refused(error: Error): void {
  if (error instanceof Problem && error.status === 401) signedOut();
}

export const queries = new QueryClient({
  queryCache: new QueryCache({ onError: refused }),
  mutationCache: new MutationCache({ onError: refused }),
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (failures, error) => (error instanceof Problem && error.status < 500 ? false : failures < 2),
    },
  },
});

connection.onReturn(() => queries.invalidateQueries());

export const bootstrapQuery = queryOptions({
  queryKey: ["bootstrap"],
  async queryFn() {
    const known = await api.bootstrap();
    if (known.user) adopt(known.user);
    return known;
  },
  staleTime: Number.POSITIVE_INFINITY,
});

const WAKING_MS = 2_000;

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

const REPLYING_MS = 4_000;

/** The conversations, newest activity first; asked for again while a reply is being written in one of them. */
export const conversationsQuery = infiniteQueryOptions({
  queryKey: ["conversations"],
  queryFn: ({ pageParam }) => api.conversations(pageParam),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next,
  refetchInterval: ({ state }) =>
    state.data?.pages.some((page) => page.items.some((item) => item.active_generation_id))
      ? REPLYING_MS
      : false,
});

export function threadQuery(conversation: string) {
  return queryOptions({
    queryKey: ["conversation", conversation],
    queryFn: ({ signal }) => api.conversation(conversation, signal),
  });
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

/** Forgets what only its owner may see; once nothing on the page shows it any more. */
export function forgetConversations(): void {
  queries.removeQueries({ queryKey: ["conversations"] });
  queries.removeQueries({ queryKey: ["conversation"] });
}

export function changeThread(conversation: string, change: (thread: Thread) => Thread): void {
  queries.setQueryData(threadQuery(conversation).queryKey, (thread?: Thread) => thread && change(thread));
}

function changePages(change: (items: Conversation[], first: boolean) => Conversation[]): void {
  queries.setQueryData(
    conversationsQuery.queryKey,
    (list?: InfiniteData<Conversations>) =>
      list && {
        ...list,
        pages: list.pages.map((page, index) => ({ ...page, items: change(page.items, index === 0) })),
      },
  );
}

/** Changes what is known of a conversation, in the list and in its thread. */
export function changeConversation(id: string, change: Partial<Conversation>): void {
  changePages((items) => items.map((item) => (item.id === id ? { ...item, ...change } : item)));
  changeThread(id, (thread) => ({ ...thread, conversation: { ...thread.conversation, ...change } }));
}

/** Puts a conversation that was just active at the head of the list. */
export function bringForward(conversation: Conversation): void {
  changePages((items, first) => {
    const others = items.filter((item) => item.id !== conversation.id);
    return first ? [conversation, ...others] : others;
  });
}

export function forget(conversation: string): void {
  changePages((items) => items.filter((item) => item.id !== conversation));
  queries.removeQueries({ queryKey: threadQuery(conversation).queryKey });
}
