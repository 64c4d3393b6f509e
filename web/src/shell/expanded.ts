import { useSyncExternalStore } from "react";

const KEY = "causette.projects.open";
const listeners = new Set<() => void>();
let open: readonly string[] = read();

function read(): readonly string[] {
  try {
    const known: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(known) ? known.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

/** Shows or hides a project's conversations in the sidebar; this browser remembers it. */
export function toggleProject(id: string): void {
  open = open.includes(id) ? open.filter((each) => each !== id) : [...open, id];
  localStorage.setItem(KEY, JSON.stringify(open));
  for (const listener of listeners) listener();
}

export function useExpanded(): readonly string[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => open,
  );
}
