import { useSyncExternalStore } from "react";

export type Connection = "ok" | "offline" | "unreachable";

const LONGEST_WAIT_MS = 10_000;

let unreachable = false;
let attempt = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();
const returns = new Set<() => void>();

function announce(): void {
  for (const listener of listeners) listener();
}

async function ask(): Promise<void> {
  const answer = await fetch("/api/bootstrap", { cache: "no-store" }).catch(() => null);
  // A proxy answers 502 to 504 for a server that is away.
  if (answer && answer.status < 502) connection.found();
  else wait();
}

function wait(): void {
  clearTimeout(timer);
  timer = setTimeout(ask, Math.min(LONGEST_WAIT_MS, 500 * 2 ** attempt));
  attempt += 1;
}

/** Whether the server can be reached. Once it cannot, it is asked again and again until it answers. */
export const connection = {
  lost(): void {
    if (unreachable) return;
    unreachable = true;
    attempt = 0;
    wait();
    announce();
  },
  found(): void {
    if (!unreachable) return;
    unreachable = false;
    clearTimeout(timer);
    announce();
    for (const back of returns) back();
  },
  /** Calls `back` each time the server can be reached again. */
  onReturn(back: () => void): () => void {
    returns.add(back);
    return () => returns.delete(back);
  },
  current(): Connection {
    if (!navigator.onLine) return "offline";
    return unreachable ? "unreachable" : "ok";
  },
};

function subscribe(listener: () => void): () => void {
  const online = () => {
    if (unreachable) ask();
    listener();
  };
  listeners.add(listener);
  window.addEventListener("online", online);
  window.addEventListener("offline", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("online", online);
    window.removeEventListener("offline", listener);
  };
}

export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, connection.current);
}
