import { useSyncExternalStore } from "react";

let said = "";
const listeners = new Set<() => void>();

/** Has screen readers say something once, when they are done with what they are saying. */
export function announce(text: string): void {
  said = said === text ? `${text}\u00a0` : text;
  for (const listener of listeners) listener();
}

export function LiveRegion() {
  const text = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => said,
  );
  return (
    <div aria-live="polite" aria-atomic className="sr-only" data-live>
      {text}
    </div>
  );
}
