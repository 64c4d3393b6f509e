import { useSyncExternalStore } from "react";
import { Problem } from "~/api/client";
import { follow, type GenerationEvent, type Place } from "~/api/events";
import { Flow } from "./flow";
import { lengthOf, type Part, withEvent } from "./parts/parts";

export interface LiveState {
  /** As much of the reply as is shown. */
  text: string;
  /** Whether the stream is connected; false while it is being regained. */
  connected: boolean;
  /** Where it waits in the queue; null when it does not. */
  place: Place | null;
  /** What was thought and which tools ran, so far. */
  parts: readonly Part[];
}

type Finished = Extract<GenerationEvent, { type: "finished" }>;

export interface Listener {
  /** All of the text has been shown. */
  finished: (end: Finished, text: string, parts: readonly Part[]) => void;
  titled: (title: string) => void;
  /** Something of what was said is remembered. */
  remembered: () => void;
  /** It has to wait. Told once, however often the place changes. */
  queued: (place: Place) => void;
  /** The log cannot be read (it is gone, or nobody is signed in). */
  lost: (problem: Problem) => void;
}

const still = window.matchMedia("(prefers-reduced-motion: reduce)");

/**
 * One reply being written: reads its event log and lets the text flow evenly.
 *
 * The log is always read from its start, and what the message already held is shown meanwhile, so a reload in the middle
 * neither loses nor repeats a character.
 */
export class LiveReply {
  #received = "";
  /** Code points of what was received. */
  #length = 0;
  readonly #known: string;
  readonly #flow = new Flow();
  readonly #abort = new AbortController();
  readonly #readers = new Set<() => void>();
  readonly #listener: Listener;
  #end: Finished | null = null;
  #queued = false;
  #frame = 0;
  #time = 0;
  #state: LiveState;

  constructor(generation: string, known: string, listener: Listener) {
    this.#known = known;
    this.#listener = listener;
    this.#state = { text: known, connected: true, place: null, parts: [] };
    this.#flow.skip(known.length);
    follow(generation, this.#abort.signal, this.#receive, this.#connection).catch((problem) => {
      if (problem instanceof Problem) listener.lost(problem);
      else throw problem;
    });
    document.addEventListener("visibilitychange", this.#draw);
  }

  close(): void {
    this.#abort.abort();
    cancelAnimationFrame(this.#frame);
    document.removeEventListener("visibilitychange", this.#draw);
  }

  subscribe = (reader: () => void): (() => void) => {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  };

  state = (): LiveState => this.#state;

  #receive = (event: GenerationEvent): void => {
    if (event.type === "queued") this.#queue(event);
    else if (event.type === "delta") {
      this.#received += event.text;
      this.#length += lengthOf(event.text);
    } else if (
      event.type === "thinking" ||
      event.type === "step" ||
      event.type === "vote" ||
      event.type === "sources"
    )
      this.#publish({
        ...this.#state,
        parts: withEvent(this.#state.parts, event, this.#length),
        place: null,
      });
    else if (event.type === "finished") this.#end = event;
    else if (event.type === "title") this.#listener.titled(event.title);
    else if (event.type === "memory") this.#listener.remembered();
    this.#draw();
  };

  #queue({ position, seconds }: Place): void {
    if (!this.#queued) this.#listener.queued({ position, seconds });
    this.#queued = true;
    this.#publish({ ...this.#state, place: { position, seconds } });
  }

  #connection = (connected: boolean): void => {
    if (connected !== this.#state.connected) this.#publish({ ...this.#state, connected });
  };

  /** Starts the flow, or shows everything where nobody would see it flow. */
  #draw = (): void => {
    if (document.hidden || still.matches) {
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
      this.#flow.skip(this.#received.length);
      this.#show();
    } else if (this.#frame === 0) {
      this.#time = performance.now();
      this.#frame = requestAnimationFrame(this.#tick);
    }
  };

  #tick = (time: number): void => {
    const more = this.#flow.advance(this.#received, Math.max(0, time - this.#time));
    this.#time = time;
    this.#frame = more ? requestAnimationFrame(this.#tick) : 0;
    this.#show();
  };

  #show(): void {
    const text =
      this.#received.length < this.#known.length ? this.#known : this.#received.slice(0, this.#flow.shown);
    if (text !== this.#state.text) this.#publish({ ...this.#state, text, place: null });
    if (this.#end && this.#flow.shown >= this.#received.length) {
      const end = this.#end;
      this.#end = null;
      this.#listener.finished(end, this.#received, this.#state.parts);
    }
  }

  #publish(state: LiveState): void {
    this.#state = state;
    for (const reader of this.#readers) reader();
  }
}

const replies = new Map<string, LiveReply>();
const watchers = new Set<() => void>();

function changed(): void {
  for (const watcher of watchers) watcher();
}

/** The replies being read now, by the id of their message. */
export const live = {
  open(message: string, generation: string, known: string, listener: Listener): () => void {
    const reply = new LiveReply(generation, known, listener);
    replies.set(message, reply);
    changed();
    return () => {
      reply.close();
      if (replies.get(message) === reply) replies.delete(message);
      changed();
    };
  },
};

const none = () => () => {};
const nothing = () => null;

/** What is shown of a message's reply while it is being written; null when it is not. */
export function useLive(message: string): LiveState | null {
  const reply = useSyncExternalStore(watch, () => replies.get(message));
  return useSyncExternalStore(reply?.subscribe ?? none, reply?.state ?? nothing);
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
