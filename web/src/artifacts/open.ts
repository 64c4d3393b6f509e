import { createContext, useSyncExternalStore } from "react";
import type { Message } from "~/api/types";
import type { Version } from "./find";

/** The reply around some Markdown. Without one, what a block makes is not offered. */
export const Home = createContext<Message | null>(null);

type Place = Pick<Version, "message" | "place" | "key">;

let current: Place | null = null;
const watchers = new Set<() => void>();
const offered = new Set<string>();

function set(place: Place | null): void {
  current = place;
  for (const watcher of watchers) watcher();
}

/** What is open beside the conversation. */
export const panel = {
  open: ({ message, place, key }: Place) => set({ message, place, key }),
  close: () => set(null),
  /** Opens what has just begun to be written; once, so that who closes it is left in peace. */
  offer(version: Version): void {
    const name = `${version.message} ${version.place}`;
    if (offered.has(name)) return;
    offered.add(name);
    if (window.matchMedia("(width >= 64rem)").matches) panel.open(version);
  },
};

export function useOpened(): Place | null {
  return useSyncExternalStore(watch, () => current);
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
