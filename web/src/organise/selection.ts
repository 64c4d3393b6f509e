import { useSyncExternalStore } from "react";

let selected: ReadonlySet<string> = new Set();
let anchor: string | null = null;
const listeners = new Set<() => void>();

function change(next: ReadonlySet<string>): void {
  selected = next;
  for (const listener of listeners) listener();
}

/** The conversations that are selected, to do something with all of them. */
export const selection = {
  get: () => selected,
  toggle(id: string): void {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    anchor = id;
    change(next);
  },
  /** Everything between what was chosen last and `id`, in the order shown. */
  extend(id: string, shown: readonly string[]): void {
    const from = anchor === null ? -1 : shown.indexOf(anchor);
    const to = shown.indexOf(id);
    if (from < 0 || to < 0) selection.toggle(id);
    else change(new Set([...selected, ...shown.slice(Math.min(from, to), Math.max(from, to) + 1)]));
  },
  clear(): void {
    anchor = null;
    if (selected.size > 0) change(new Set());
  },
};

export function useSelection(): ReadonlySet<string> {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => selected,
  );
}
