import { useSyncExternalStore } from "react";
import type { components } from "~/api/schema";

export type ReplyOptions = Required<Pick<components["schemas"]["Options"], "tools" | "samples">> & {
  effort: "off" | "low" | "medium" | "high" | null;
};

const usual: ReplyOptions = { effort: null, tools: [], samples: 1 };
const chosen = new Map<string, ReplyOptions>();
const watchers = new Set<() => void>();
const key = (conversation: string | null) => conversation ?? "";

/** How the next reply of a conversation is to be made: as chosen since, or as its last one was. */
export function useOptions(
  conversation: string | null,
  last: Record<string, unknown> | null | undefined,
): [ReplyOptions, (change: Partial<ReplyOptions>) => void] {
  const mine = useSyncExternalStore(watch, () => chosen.get(key(conversation)));
  const current = mine ?? { ...usual, ...(last as Partial<ReplyOptions> | null) };
  return [
    current,
    (change) => {
      chosen.set(key(conversation), { ...current, ...change });
      for (const watcher of watchers) watcher();
    },
  ];
}

/** What goes with the next message: nothing where nothing was chosen, and the server takes the last reply's. */
export function sending(conversation: string | null): { options?: ReplyOptions } {
  const options = chosen.get(key(conversation));
  return options ? { options } : {};
}

/** What was chosen for the conversation to come goes on in the one that came. */
export function cameIntoBeing(conversation: string): void {
  const options = chosen.get("");
  if (!options) return;
  chosen.set(conversation, options);
  chosen.delete("");
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
