import { useSyncExternalStore } from "react";
import { api } from "~/api/client";
import { conversationsQuery, forget, queries } from "~/api/queries";
import { words } from "~/i18n";
import { dismiss, notify } from "~/notices";

const GRACE_MS = 7_000;

let leaving: ReadonlySet<string> = new Set();
const timers = new Map<string, ReturnType<typeof setTimeout>>();
const listeners = new Set<() => void>();

function change(next: ReadonlySet<string>): void {
  leaving = next;
  for (const listener of listeners) listener();
}

function settle(id: string): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
}

async function carryOut(id: string): Promise<void> {
  settle(id);
  try {
    await api.deleteConversation(id);
    forget(id);
  } catch {
    notify(words().sidebar.deleteFailed);
  }
  change(new Set([...leaving].filter((each) => each !== id)));
  queries.invalidateQueries({ queryKey: conversationsQuery.queryKey });
}

/** Deletes a conversation after a moment in which it can still be undone. Leaving the page ends the moment. */
export function deleteConversation(id: string, undone: () => void): void {
  change(new Set([...leaving, id]));
  const t = words();
  const notice = notify(t.sidebar.deleted, {
    label: t.sidebar.undo,
    run() {
      settle(id);
      dismiss(notice);
      change(new Set([...leaving].filter((each) => each !== id)));
      undone();
    },
  });
  timers.set(
    id,
    setTimeout(() => carryOut(id), GRACE_MS),
  );
}

window.addEventListener("pagehide", () => {
  for (const id of [...timers.keys()]) carryOut(id);
});

/** The conversations that are on their way out, and not to be shown. */
export function useLeaving(): ReadonlySet<string> {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => leaving,
  );
}
