import { hashKey, type InfiniteData, type Query } from "@tanstack/react-query";
import { Problem } from "~/api/client";
import { bootstrapQuery, queries } from "~/api/queries";
import type { Bootstrap, Thread } from "~/api/types";
import { endOf } from "~/chat/run";
import { preferences } from "~/preferences";
import { type Known, store } from "./store";

/** Of what is known, the part that a conversation is read with. */
const lists = new Set<unknown>(["bootstrap", "models", "conversations", "projects", "workspaces"]);
/** Changes come in bursts; they are written down together, this many milliseconds after the first. */
const SOON_MS = 800;
/** A device that has not met the server for so long keeps nothing: its session may have ended long ago. */
const FORGOTTEN_MS = 30 * 24 * 3_600_000;

/** So many messages of a conversation are kept, the last ones. */
const MESSAGES = 200;

let stop: (() => void) | null = null;
/** For whom it was last written. */
let owner: string | null = null;

/** Whose what is kept is: the workspace that one acts for has conversations of its own. */
function ownerOf(user: string): string {
  return `${user} ${preferences.get("workspace") ?? ""}`;
}

/** Begins to write down, for this account, what the app learns of its conversations. */
export function keepFor(user: string): void {
  stop?.();
  const dirtyLists = new Map<string, Known>();
  const dirtyThreads = new Map<string, Known | null>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const write = async () => {
    timer = undefined;
    const now = ownerOf(user);
    const [newLists, newThreads] = [new Map(dirtyLists), new Map(dirtyThreads)];
    dirtyLists.clear();
    dirtyThreads.clear();
    // A disk that is full or a browser that keeps nothing takes the convenience away, and nothing else.
    try {
      if (owner !== now) await store.belongTo(now);
      owner = now;
      if (stop !== end) return;
      await store.keep(now, newLists, newThreads);
    } catch {}
  };
  const soon = () => {
    timer ??= setTimeout(write, SOON_MS);
  };
  const note = ({ queryKey: key, state: { data, dataUpdatedAt: at } }: Query) => {
    if (data === undefined) return;
    if (key[0] === "conversation") {
      const thread = data as Thread;
      // Whoever looks something up in the middle has the end kept already, from when it was opened.
      if (thread.conversation.temporary || thread.later) return;
      dirtyThreads.set(thread.conversation.id, { key, data: endOf(thread, MESSAGES), at });
    } else if (lists.has(key[0])) dirtyLists.set(hashKey(key), { key, data: beginning(data), at });
    else return;
    soon();
  };

  for (const query of queries.getQueryCache().getAll()) note(query);
  const unsubscribe = queries.getQueryCache().subscribe((event) => {
    if (event.type !== "updated") return;
    const { queryKey, state } = event.query;
    if (event.action.type === "success") note(event.query);
    else if (event.action.type === "error" && queryKey[0] === "conversation") {
      if (!(state.error instanceof Problem) || state.error.status !== 404) return;
      dirtyThreads.set(String(queryKey[1]), null);
      soon();
    }
  });
  // Whoever leaves at once has the last words as well.
  const leaving = () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    write();
  };
  window.addEventListener("pagehide", leaving);
  const end = () => {
    unsubscribe();
    clearTimeout(timer);
    window.removeEventListener("pagehide", leaving);
  };
  stop = end;
}

/** Of a list that is loaded page by page, the first: the others would all be asked for again at once. */
function beginning(data: unknown): unknown {
  const { pages, pageParams } = data as Partial<InfiniteData<unknown>>;
  return pages && pageParams ? { pages: pages.slice(0, 1), pageParams: pageParams.slice(0, 1) } : data;
}

/** Forgets a conversation that was deleted. */
export async function forgetOne(conversation: string): Promise<void> {
  if (owner) await store.keep(owner, new Map(), new Map([[conversation, null]])).catch(() => {});
}

/** Ends the keeping, and leaves nothing of it on this device. */
export async function wipe(): Promise<void> {
  stop?.();
  stop = null;
  owner = null;
  await store.wipe().catch(() => {});
}

/** How many conversations are on this device. */
export async function countKept(): Promise<number> {
  return store.count().catch(() => 0);
}

/** Tells the app what this device keeps, and returns who it is kept for; null when it keeps nothing. */
export async function remember(): Promise<Bootstrap | null> {
  const { owner, known } = await store.everything().catch(() => ({ owner: undefined, known: [] }));
  const start = known.find(({ key }) => key[0] === bootstrapQuery.queryKey[0]);
  const bootstrap = start?.data as Bootstrap | undefined;
  if (!bootstrap?.user || owner !== ownerOf(bootstrap.user.id)) return null;
  const newest = Math.max(...known.map(({ at }) => at));
  if (Date.now() - newest > FORGOTTEN_MS) {
    await wipe();
    return null;
  }
  for (const { key, data, at } of known)
    if (key[0] !== bootstrapQuery.queryKey[0]) queries.setQueryData(key, data, { updatedAt: at });
  return bootstrap;
}
