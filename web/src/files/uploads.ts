import { useSyncExternalStore } from "react";
import { type File, files, upload } from "./calls";

/** A file on its way to a message, or there already. */
export interface Upload {
  key: number;
  name: string;
  size: number;
  /** How much of it has gone out, 0 to 1. */
  progress: number;
  file: File | null;
  problem: unknown;
  /** What to send again; gone with the page that it was chosen in. */
  source: globalThis.File | null;
  leave: AbortController;
}

const prefix = "causette.files.";
const LOOK_MS = 1_000;
const shelves = new Map<string, readonly Upload[]>();
const listeners = new Set<() => void>();
let count = 0;

function restored(shelf: string): readonly Upload[] {
  let kept: File[] = [];
  try {
    kept = JSON.parse(localStorage.getItem(prefix + shelf) ?? "[]");
  } catch {
    // Written by another version: there is nothing to restore.
  }
  return kept.map((file) => made(file.name, file.size, file, null));
}

function made(name: string, size: number, file: File | null, source: globalThis.File | null): Upload {
  count += 1;
  return { key: count, name, size, progress: 0, file, problem: null, source, leave: new AbortController() };
}

function on(shelf: string): readonly Upload[] {
  let found = shelves.get(shelf);
  if (!found) {
    found = restored(shelf);
    shelves.set(shelf, found);
    for (const each of found) if (each.file?.status === "waiting") follow(shelf, each.key, each.file);
  }
  return found;
}

function change(shelf: string, next: readonly Upload[]): void {
  shelves.set(shelf, next);
  const there = next.flatMap(({ file }) => (file ? [file] : []));
  if (there.length === 0) localStorage.removeItem(prefix + shelf);
  else localStorage.setItem(prefix + shelf, JSON.stringify(there));
  for (const listener of listeners) listener();
}

function update(shelf: string, key: number, part: Partial<Upload>): void {
  change(
    shelf,
    on(shelf).map((each) => (each.key === key ? { ...each, ...part } : each)),
  );
}

/** Looks until a file has been read: what could not be is said before the message is sent. */
async function follow(shelf: string, key: number, file: File): Promise<void> {
  let current = file;
  while (current.status === "waiting") {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if (!on(shelf).some((each) => each.key === key)) return;
    try {
      current = await files.find(file.id);
    } catch {
      return;
    }
  }
  update(shelf, key, { file: current });
}

async function send(shelf: string, key: number): Promise<void> {
  const chosen = on(shelf).find((each) => each.key === key);
  if (!chosen?.source) return;
  const leave = new AbortController();
  update(shelf, key, { progress: 0, problem: null, leave });
  try {
    const file = await upload(
      chosen.source,
      undefined,
      (progress) => update(shelf, key, { progress }),
      leave.signal,
    );
    if (!on(shelf).some((each) => each.key === key)) {
      // Taken away in the same moment: nobody wants it.
      files.delete(file.id).catch(() => {});
      return;
    }
    update(shelf, key, { file });
    if (file.status === "waiting") follow(shelf, key, file);
  } catch (problem) {
    if (!leave.signal.aborted) update(shelf, key, { problem });
  }
}

/** Files chosen for messages that are not sent yet, for each conversation; `null` is the one not yet begun. */
export const uploads = {
  add(conversation: string | null, chosen: Iterable<globalThis.File>): void {
    const shelf = conversation ?? "new";
    const fresh = [...chosen].map((source) => made(source.name, source.size, null, source));
    change(shelf, [...on(shelf), ...fresh]);
    for (const { key } of fresh) send(shelf, key);
  },
  again(conversation: string | null, key: number): void {
    send(conversation ?? "new", key);
  },
  /** Takes a file off the shelf. It was never part of a message, so it is deleted. */
  remove(conversation: string | null, key: number): void {
    const shelf = conversation ?? "new";
    const gone = on(shelf).find((each) => each.key === key);
    change(
      shelf,
      on(shelf).filter((each) => each.key !== key),
    );
    gone?.leave.abort();
    if (gone?.file) files.delete(gone.file.id).catch(() => {});
  },
  /** Those that can go with a message. */
  ready(conversation: string | null): File[] {
    return on(conversation ?? "new").flatMap(({ file }) => (file ? [file] : []));
  },
  /** After the message with these files has been sent. */
  sent(conversation: string | null, ids: readonly string[]): void {
    const shelf = conversation ?? "new";
    change(
      shelf,
      on(shelf).filter(({ file }) => !file || !ids.includes(file.id)),
    );
  },
  /** On signing out. */
  clear(): void {
    shelves.clear();
    for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key);
  },
};

export function useUploads(conversation: string | null): readonly Upload[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => on(conversation ?? "new"),
  );
}
