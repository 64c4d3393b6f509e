import { useSyncExternalStore } from "react";

/** What browsers that can install an app hand out (Web Application Manifest, `beforeinstallprompt`). */
interface InstallEvent extends Event {
  prompt: () => Promise<unknown>;
}

let offered: InstallEvent | null = null;
const listeners = new Set<() => void>();

function change(next: InstallEvent | null): void {
  offered = next;
  for (const listener of listeners) listener();
}

window.addEventListener("beforeinstallprompt", (event) => {
  // The offer is in the settings, where it is looked for, and not over the conversation.
  event.preventDefault();
  change(event as InstallEvent);
});
window.addEventListener("appinstalled", () => change(null));

/** Opens the browser's own question whether to install; null where it has none. */
export function useInstall(): (() => void) | null {
  const event = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => offered,
  );
  return event && (() => event.prompt().then(() => change(null)));
}
