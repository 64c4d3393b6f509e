import { useSyncExternalStore } from "react";

/** The conversations in which a reply ended while they were not looked at. */
let unseen: ReadonlySet<string> = new Set();
let title = "Causette";
const listeners = new Set<() => void>();

function change(next: ReadonlySet<string>): void {
  unseen = next;
  show();
  for (const listener of listeners) listener();
  // Installed, the app's icon tells how many.
  navigator.setAppBadge?.(unseen.size).catch(() => {});
}

function show(): void {
  document.title = unseen.size > 0 ? `(${unseen.size}) ${title}` : title;
}

/** Names the page in the browser's tab; null for the app's own name. */
export function nameTab(page: string | null): void {
  title = page ? `${page} · Causette` : "Causette";
  show();
}

export function note(conversation: string): void {
  if (!unseen.has(conversation)) change(new Set([...unseen, conversation]));
}

export function seen(conversation: string): void {
  if (unseen.has(conversation)) change(new Set([...unseen].filter((each) => each !== conversation)));
}

export function forgetUnseen(): void {
  if (unseen.size > 0) change(new Set());
}

export function useUnseen(conversation: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => unseen.has(conversation),
  );
}
