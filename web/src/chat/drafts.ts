import { useSyncExternalStore } from "react";

const prefix = "causette.draft.";
const watchers = new Set<() => void>();
const addressee = (conversation: string | null) => `${prefix}${conversation ?? "new"}.to`;

/** Unsent words, kept in this browser for each conversation; `null` is the conversation not yet begun. */
export const drafts = {
  get(conversation: string | null): string {
    return localStorage.getItem(prefix + (conversation ?? "new")) ?? "";
  },
  set(conversation: string | null, text: string): void {
    if (text === "") localStorage.removeItem(prefix + (conversation ?? "new"));
    else localStorage.setItem(prefix + (conversation ?? "new"), text);
  },
  /** The custom assistant that what is not sent yet will be said to; null for whom the conversation is with. */
  saidTo(conversation: string | null): string | null {
    return localStorage.getItem(addressee(conversation));
  },
  /** Has it be said to another one. */
  sayTo(conversation: string | null, assistant: string | null): void {
    if (assistant === null) localStorage.removeItem(addressee(conversation));
    else localStorage.setItem(addressee(conversation), assistant);
    for (const watcher of watchers) watcher();
  },
  /** On signing out: the next reader of this browser may be somebody else. */
  clear(): void {
    for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key);
  },
};

export function useMention(conversation: string | null): string | null {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => drafts.saidTo(conversation),
  );
}
