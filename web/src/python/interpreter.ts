import wasmAddress from "pyodide/pyodide.asm.wasm?url";
import libraryAddress from "pyodide/python_stdlib.zip?url";
import type { File, Run, Said } from "~/sandbox/running";
import { emptyFolder, type Folder } from "./folder";

/** How long code may run once Python is there, in milliseconds. */
const LIMIT = 60_000;

export interface Piece {
  stream: "out" | "err";
  text: string;
}

export interface Session {
  /** `late`: it took too long; `broken`: Python itself could not be loaded, or did not survive. */
  status: "loading" | "running" | "done" | "failed" | "stopped" | "late" | "broken";
  output: readonly Piece[];
  /** What went wrong, as Python tells it. */
  error: string;
  /** What the code found in its working folder. */
  folder: Folder;
  /** What it wrote. */
  files: readonly File[];
  /** What it wrote that is too much to be taken out. */
  left: readonly string[];
  seconds: number;
}

export const over = ({ status }: Session): boolean => status !== "loading" && status !== "running";

const begun: Session = {
  status: "loading",
  output: [],
  error: "",
  folder: emptyFolder,
  files: [],
  left: [],
  seconds: 0,
};

async function fetched(address: string): Promise<ArrayBuffer> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

/**
 * Runs Python in a frame of its own that has no origin, with what is in `folder`, and tells of it until it is over.
 * `stop` ends it at once, in whatever it is: the frame goes, and its worker with it.
 */
export function run(
  code: string,
  folder: Promise<Folder>,
  tell: (session: Session) => void,
): { stop: () => void } {
  let session = begun;
  let start = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const change = (what: Partial<Session>) => {
    session = { ...session, ...what };
    tell(session);
  };
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.sandbox.add("allow-scripts");
  frame.src = "/sandbox/python.html";
  const end = (what: Partial<Session> & Pick<Session, "status">) => {
    if (over(session)) return;
    clearTimeout(timer);
    window.removeEventListener("message", hear);
    frame.remove();
    const seconds = session.status === "running" ? (performance.now() - start) / 1000 : 0;
    change({ seconds, ...what });
  };
  const parts = Promise.all([fetched(wasmAddress), fetched(libraryAddress), folder]);
  parts.catch((problem) => end({ status: "broken", error: String(problem) }));
  const hear = ({ source, data }: MessageEvent<Said>) => {
    if (source !== frame.contentWindow) return;
    if (data.type === "ready")
      parts.then(([wasm, library, found]) => {
        const work: Run = { code, files: found.files, wasm, library };
        change({ folder: found });
        frame.contentWindow?.postMessage(work, "*", [wasm, library]);
      });
    else if (data.type === "begun") {
      start = performance.now();
      timer = setTimeout(() => end({ status: "late" }), LIMIT);
      change({ status: "running" });
    } else if (data.type === "out") {
      const last = session.output.at(-1);
      const text = String(data.text);
      const merged = last?.stream === data.stream;
      change({
        output: merged
          ? [...session.output.slice(0, -1), { stream: last.stream, text: last.text + text }]
          : [...session.output, { stream: data.stream === "err" ? "err" : "out", text }],
      });
    } else if (data.type === "done")
      end({
        status: data.error === null ? "done" : "failed",
        error: data.error ?? "",
        files: data.files,
        left: data.left,
      });
    else if (data.type === "broken") end({ status: "broken", error: String(data.message) });
  };
  window.addEventListener("message", hear);
  document.body.append(frame);
  tell(session);
  return { stop: () => end({ status: "stopped" }) };
}

/** All that a model is told of a run: what it printed, what went wrong, which files it wrote and which it lacked. */
export function report(session: Session): string {
  const { large, lost } = session.folder;
  const printed = session.output.map(({ text }) => text).join("");
  const names = session.files.map(({ name, bytes }) => `${name} (${bytes.length} bytes)`);
  return [
    printed.trimEnd(),
    session.error,
    names.length > 0 ? `Files shown to the reader: ${names.join(", ")}` : "",
    session.left.length > 0 ? `Too large to be shown: ${session.left.join(", ")}` : "",
    large.length > 0 ? `Too large for the working folder: ${large.join(", ")}` : "",
    lost === null ? "The conversation's files could not be fetched." : "",
    lost && lost.length > 0 ? `Files that could not be fetched: ${lost.join(", ")}` : "",
  ]
    .filter((part) => part !== "")
    .join("\n");
}
