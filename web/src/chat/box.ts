import { useSyncExternalStore } from "react";

/** The words in a message box. They change with each key, so nothing follows them but what shows them. */
export class Box {
  #text = "";
  readonly #watchers = new Set<() => void>();

  get text(): string {
    return this.#text;
  }

  write(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    for (const watcher of this.#watchers) watcher();
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };
}

/** What `read` makes of the words in the box; whoever asks is drawn again when that changes. */
export function useText<T extends string | boolean>(box: Box, read: (text: string) => T): T {
  return useSyncExternalStore(box.watch, () => read(box.text));
}
