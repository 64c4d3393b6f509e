import { useSyncExternalStore } from "react";

/** What is to be shared or downloaded: a conversation, or the branch of it that leads to a message. */
export interface Opening {
  what: "share" | "export";
  conversation: string;
  until?: string;
}

let opening: Opening | null = null;
const listeners = new Set<() => void>();

/** Opens the dialog that shares or downloads something; null closes it. */
export function openSharing(next: Opening | null): void {
  opening = next;
  for (const listener of listeners) listener();
}

export function useOpening(): Opening | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => opening,
  );
}
