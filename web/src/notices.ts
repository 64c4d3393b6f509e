import { useSyncExternalStore } from "react";

export interface Notice {
  id: number;
  text: string;
  action?: { label: string; run: () => void };
}

interface How {
  /** It stays until it is answered or dismissed. */
  stays?: boolean;
}

const SHOWN_MS = 7_000;

let notices: readonly Notice[] = [];
let count = 0;
const listeners = new Set<() => void>();

function change(next: readonly Notice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}

/** Says something in passing. Returns its id. */
export function notify(text: string, action?: Notice["action"], { stays = false }: How = {}): number {
  count += 1;
  const id = count;
  change([...notices.slice(-2), action ? { id, text, action } : { id, text }]);
  if (!stays) setTimeout(() => dismiss(id), SHOWN_MS);
  return id;
}

export function dismiss(id: number): void {
  if (notices.some((notice) => notice.id === id)) change(notices.filter((notice) => notice.id !== id));
}

export function useNotices(): readonly Notice[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => notices,
  );
}
