import { useSyncExternalStore } from "react";
import { api } from "~/api/client";
import { everyList, forget, queries, threadQuery } from "~/api/queries";
import type { Message } from "~/api/types";
import { treeWords } from "~/chat/words";
import { words } from "~/i18n";
import { dismiss, notify } from "~/notices";
import { organiseWords } from "~/organise/words";

const GRACE_MS = 7_000;

interface Removal {
  ids: readonly string[];
  /** Told to whoever deletes. */
  said: string;
  failed: string;
  act: () => Promise<unknown>;
  /** Called when it was carried out. */
  gone: () => void;
  undone: () => void;
}

let leaving: ReadonlySet<string> = new Set();
const waiting = new Map<Removal, { timer: ReturnType<typeof setTimeout>; notice: number }>();
const listeners = new Set<() => void>();

function change(next: ReadonlySet<string>): void {
  leaving = next;
  for (const listener of listeners) listener();
}

function settle(removal: Removal): void {
  const known = waiting.get(removal);
  if (!known) return;
  clearTimeout(known.timer);
  dismiss(known.notice);
  waiting.delete(removal);
}

function back(removal: Removal): void {
  change(new Set([...leaving].filter((each) => !removal.ids.includes(each))));
}

async function carryOut(removal: Removal): Promise<void> {
  settle(removal);
  try {
    await removal.act();
    removal.gone();
  } catch {
    notify(removal.failed);
  }
  back(removal);
}

/** Deletes something after a moment in which it can still be undone. Leaving the page ends the moment. */
function remove(removal: Removal): void {
  change(new Set([...leaving, ...removal.ids]));
  const notice = notify(removal.said, {
    label: words().sidebar.undo,
    run() {
      settle(removal);
      back(removal);
      removal.undone();
    },
  });
  waiting.set(removal, { timer: setTimeout(() => carryOut(removal), GRACE_MS), notice });
}

export function deleteConversations(ids: readonly string[], undone: () => void): void {
  const t = organiseWords();
  remove({
    ids,
    said: t.deleted(ids.length),
    failed: t.deleteFailed,
    act: () => api.deleteConversations(ids),
    gone() {
      for (const id of ids) forget(id);
      queries.invalidateQueries(everyList);
    },
    undone,
  });
}

/** Deletes a message with all that follows it. */
export function deleteMessage({ id, conversation_id }: Message, undone: () => void): void {
  const t = treeWords();
  remove({
    ids: [id],
    said: t.deleted,
    failed: t.deleteFailed,
    act: () => api.deleteMessage(id),
    gone: () => queries.invalidateQueries({ queryKey: threadQuery(conversation_id).queryKey }),
    undone,
  });
}

/** Carries out what is waiting to be deleted: what is said next follows what is seen. */
export async function finishDeleting(): Promise<void> {
  await Promise.all([...waiting.keys()].map(carryOut));
}

window.addEventListener("pagehide", () => {
  for (const removal of [...waiting.keys()]) carryOut(removal);
});

/** The conversations and messages that are on their way out, and not to be shown. */
export function useLeaving(): ReadonlySet<string> {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => leaving,
  );
}
