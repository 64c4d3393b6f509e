/** What the app and the Python worker say to each other. */

export interface File {
  /** Relative to the working directory. */
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

export interface Run {
  code: string;
  /** Put into the working directory first. */
  files: readonly File[];
  /** The interpreter, and the standard library as a zip file. */
  wasm: ArrayBuffer;
  library: ArrayBuffer;
}

export type Said =
  /** The worker is there and waits for its `Run`. */
  | { type: "ready" }
  /** Python is loaded: the code begins. */
  | { type: "begun" }
  | { type: "out"; stream: "out" | "err"; text: string }
  /** It ended; `error` is the traceback of what was not caught. */
  | { type: "done"; error: string | null; files: readonly File[]; left: readonly string[] }
  | { type: "broken"; message: string };
