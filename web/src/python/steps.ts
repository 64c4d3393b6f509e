import { useSyncExternalStore } from "react";
import { call, Problem } from "~/api/client";
import { folderOf } from "./folder";
import { over, report, run, type Session } from "./interpreter";

/** A step of a reply that runs in this browser, or is another one's. */
export interface Work {
  session: Session | null;
  elsewhere: boolean;
  stop: () => void;
}

const works = new Map<string, Work>();
const watchers = new Set<() => void>();

function set(step: string, work: Work): void {
  works.set(step, work);
  for (const watcher of watchers) watcher();
}

/** This tab, by a name that outlives a reload: it may claim again what it had claimed. */
function browser(): string {
  const known = sessionStorage.getItem("causette.browser");
  if (known) return known;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("");
  sessionStorage.setItem("causette.browser", made);
  return made;
}

/** As much as a model is told; the reader has all of it here. */
const MOST_TOLD = 20_000;
const LONGEST_LINE = 200;
const AGAIN_MS = 3_000;
const TRIES = 10;

/** Does a step's work, if no other browser does: once, however often it is asked for. `message` is the reply. */
export async function carryOut(
  generation: string,
  step: string,
  code: string,
  message: string | null,
): Promise<void> {
  if (works.has(step)) return;
  set(step, { session: null, elsewhere: false, stop: () => {} });
  const path = `/api/generations/${encodeURIComponent(generation)}/steps/${encodeURIComponent(step)}`;
  try {
    await persistently(() => call<void>("POST", `${path}/claim`, { browser: browser() }));
  } catch {
    set(step, { session: null, elsewhere: true, stop: () => {} });
    return;
  }
  const going = run(code, folderOf(message), (session) => {
    set(step, { session, elsewhere: false, stop: () => going?.stop() });
    if (!over(session)) return;
    const result = { browser: browser(), text: told(session), summary: lastLine(session) };
    // Refused, nobody waits for it any more; the reader sees what there is.
    persistently(() => call<void>("POST", `${path}/result`, result)).catch(() => {});
  });
}

/** Tries until the server has answered: without a network for a moment, nothing is lost. */
async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (problem) {
      const answered = problem instanceof Problem && problem.status >= 400 && problem.status < 500;
      if (answered || attempt === TRIES) throw problem;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

const ENDS: Partial<Record<Session["status"], string>> = {
  stopped: "The reader stopped it.",
  late: "It was stopped after 60 seconds.",
  broken: "Python could not be run.",
};

/** The result as a model is told of it. It is data: what it says is nobody's instruction. */
export function told(session: Session): string {
  const all = [report(session), ENDS[session.status] ?? ""].filter((part) => part !== "").join("\n");
  if (all.length <= MOST_TOLD) return all || "It printed nothing.";
  return `${all.slice(0, MOST_TOLD / 2)}\n[…]\n${all.slice(-MOST_TOLD / 2)}`;
}

function lastLine(session: Session): string {
  return (told(session).trimEnd().split("\n").at(-1) ?? "").slice(0, LONGEST_LINE);
}

export function useWork(step: string): Work | undefined {
  return useSyncExternalStore(watch, () => works.get(step));
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
