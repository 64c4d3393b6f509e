import { useSyncExternalStore } from "react";

/** A conversation that is looked through: another one each time that it is asked for. */
export interface Finding {
  conversation: string;
}

let finding: Finding | null = null;
const listeners = new Set<() => void>();

function set(next: Finding | null): void {
  finding = next;
  for (const listener of listeners) listener();
}

/** Opens the find bar of a conversation; where it is open, takes its reader there. */
export function openFind(conversation: string): void {
  set({ conversation });
}

/** Closes the find bar of a conversation. */
export function closeFind(conversation: string | null): void {
  if (finding?.conversation === conversation) set(null);
}

/** What is looked through, when it is this conversation. */
export function useFinding(conversation: string | null): Finding | null {
  const now = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => finding,
  );
  return now?.conversation === conversation ? now : null;
}
