import type { PartEvent } from "~/chat/parts/parts";
import { actingFor } from "./acting";
import { Problem } from "./client";
import type { Failure, Message } from "./types";

/** Where a reply stands in the queue, and about how many seconds are left. */
export interface Place {
  position: number;
  seconds: number;
}

/** One entry of a generation's event log. */
export type GenerationEvent =
  | ({ type: "queued" } & Place)
  | { type: "delta"; text: string }
  | PartEvent
  | {
      type: "finished";
      status: Exclude<Message["status"], "streaming">;
      finish_reason: string | null;
      error: Failure | null;
    }
  | { type: "title"; title: string }
  | { type: "memory"; count: number }
  | { type: "end" };

/** A parsed server-sent event; `data` is still text. */
export interface ServerSentEvent {
  id: string | null;
  event: string;
  data: string;
}

/** Parses a stream of server-sent events (WHATWG HTML, section 9.2) from chunks cut anywhere. */
export class EventParser {
  #rest = "";
  #id: string | null = null;
  #event = "";
  #data: string[] = [];

  push(chunk: string): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    const text = this.#rest + chunk;
    let start = 0;
    for (;;) {
      const match = /\r\n|\n|\r/g;
      match.lastIndex = start;
      const found = match.exec(text);
      // A carriage return at the very end may be the first half of a pair.
      if (!found || (found[0] === "\r" && found.index === text.length - 1)) break;
      this.#line(text.slice(start, found.index), events);
      start = found.index + found[0].length;
    }
    this.#rest = text.slice(start);
    return events;
  }

  #line(line: string, events: ServerSentEvent[]): void {
    if (line === "") {
      if (this.#data.length > 0)
        events.push({ id: this.#id, event: this.#event || "message", data: this.#data.join("\n") });
      this.#event = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.#id = value;
    else if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
  }
}

/** A connection without a byte for this long is dead: the server's heartbeats are far more frequent. */
const SILENCE_MS = 45_000;
const LONGEST_WAIT_MS = 8_000;

/**
 * Reads a generation's log to its end, through lost connections: each new one goes on after the last sequence number
 * seen. Rejects only when the server says that there is no such log (or nobody is signed in).
 */
export async function follow(
  generation: string,
  signal: AbortSignal,
  receive: (event: GenerationEvent) => void,
  connected: (alive: boolean) => void,
): Promise<void> {
  let last = "0";
  let attempt = 0;
  while (!signal.aborted) {
    const attemptSignal = new AbortController();
    const abort = () => attemptSignal.abort();
    signal.addEventListener("abort", abort, { once: true });
    let watchdog = setTimeout(abort, SILENCE_MS);
    try {
      const response = await fetch(`/api/generations/${encodeURIComponent(generation)}/events`, {
        headers: { ...actingFor(), accept: "text/event-stream", "last-event-id": last },
        credentials: "same-origin",
        cache: "no-store",
        signal: attemptSignal.signal,
      });
      if (!response.ok || !response.body) {
        const problem = await Problem.from(response);
        if (response.status >= 400 && response.status < 500 && response.status !== 429) throw problem;
        throw new TypeError(problem.message);
      }
      connected(true);
      const parser = new EventParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        clearTimeout(watchdog);
        watchdog = setTimeout(abort, SILENCE_MS);
        attempt = 0;
        for (const { id, event, data } of parser.push(value)) {
          if (id !== null) last = id;
          receive({ type: event, ...JSON.parse(data) } as GenerationEvent);
          if (event === "end") return;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem) throw error;
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", abort);
    }
    connected(false);
    await pause(Math.min(LONGEST_WAIT_MS, 250 * 2 ** attempt), signal);
    attempt += 1;
  }
}

/** Waits, but no longer than until the network comes back or the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    // A little chance keeps a thousand tabs from returning at the same instant.
    const timer = setTimeout(done, milliseconds * (0.75 + Math.random() / 2));
    window.addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}
