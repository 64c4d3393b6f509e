/**
 * Python in a worker without an origin: no cookies, no storage, and by its frame's policy no network. What it reads of
 * the app is what the app sends.
 */

import "./offline";

import { loadPyodide, type PyodideInterface } from "pyodide";
// @ts-expect-error it has no types
import createPyodideModule from "pyodide/pyodide.asm.mjs";
import { info } from "pyodide/pyodide-lock.json";
import { served } from "./offline";
import type { File, Run, Said } from "./running";

/** In characters of output, in files and in bytes of them: what a page can show without losing its breath. */
const MOST_OUTPUT = 200_000;
const MOST_FILES = 40;
const MOST_BYTES = 20_000_000;
/** In pages of 64 KiB: a gigabyte. */
const MOST_MEMORY = 16_384;

const RUNNER = `
import sys, traceback
from pyodide.code import eval_code_async
sys.stdout.reconfigure(line_buffering=True)
sys.path.insert(0, "/home/reader")

async def run(source):
    try:
        value = await eval_code_async(source, {"__name__": "__main__"}, filename="main.py")
        if value is not None:
            print(repr(value))
    except SystemExit as left:
        return None if left.code in (None, 0) else f"SystemExit: {left.code}"
    except BaseException as error:
        place = error.__traceback__
        while place is not None and place.tb_frame.f_code.co_filename != "main.py":
            place = place.tb_next
        return "".join(traceback.format_exception(type(error), error, place)).rstrip()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()

run
`;

function say(message: Said): void {
  self.postMessage(message);
}

/** Memory that ends before the browser's does. */
function bounded(): void {
  const { Memory } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(wanted: WebAssembly.MemoryDescriptor) {
      super({ ...wanted, maximum: Math.min(wanted.maximum ?? MOST_MEMORY, MOST_MEMORY) });
    }
  };
}

let said = 0;

function writer(stream: "out" | "err"): { write: (bytes: Uint8Array) => number; isatty: boolean } {
  const decoder = new TextDecoder();
  return {
    isatty: false,
    write(bytes) {
      const text = decoder.decode(bytes, { stream: true });
      if (said < MOST_OUTPUT) say({ type: "out", stream, text: text.slice(0, MOST_OUTPUT - said) });
      said += text.length;
      return bytes.length;
    },
  };
}

self.onmessage = async ({ data: run }: MessageEvent<Run>) => {
  try {
    served["pyodide.asm.wasm"] = [run.wasm, "application/wasm"];
    served["python_stdlib.zip"] = [run.library, "application/zip"];
    bounded();
    const python = await loadPyodide({
      indexURL: "https://sandbox.invalid/",
      createPyodideModule,
      lockFileContents: { info, packages: {} } as never,
      env: { HOME: "/home/reader" },
      stdin: () => null as never,
    });
    python.setStdout(writer("out"));
    python.setStderr(writer("err"));
    python.FS.mkdirTree("/home/reader");
    python.FS.chdir("/home/reader");
    const given = new Map(run.files.map(({ name, bytes }) => [name, placed(python, name, bytes)]));
    const begin = python.runPython(RUNNER);
    say({ type: "begun" });
    const error: string | undefined = await begin(run.code);
    say({ type: "done", error: error ?? null, ...written(python, given) });
  } catch (error) {
    say({ type: "broken", message: String(error) });
  }
};

/** Puts a file into the working folder; the time by which one sees later that it was not written to. */
function placed(python: PyodideInterface, name: string, bytes: Uint8Array): number {
  const path = `/home/reader/${name}`;
  python.FS.writeFile(path, bytes);
  python.FS.utime(path, 0, 0);
  return python.FS.stat(path).mtime.getTime();
}

/** What the code wrote or changed of what it was given, and the names of what is too much to be taken out. */
function written(
  python: PyodideInterface,
  given: ReadonlyMap<string, number>,
): { files: File[]; left: string[] } {
  const files: File[] = [];
  const left: string[] = [];
  let total = 0;
  const visit = (folder: string) => {
    for (const entry of python.FS.readdir(`/home/reader/${folder}`) as string[]) {
      if (entry === "." || entry === ".." || entry === "__pycache__") continue;
      const name = folder + entry;
      const { mode, size, mtime } = python.FS.stat(`/home/reader/${name}`);
      if (python.FS.isDir(mode)) visit(`${name}/`);
      else if (given.get(name) === mtime.getTime()) continue;
      else if (files.length >= MOST_FILES || total + size > MOST_BYTES) left.push(name);
      else {
        files.push({ name, bytes: python.FS.readFile(`/home/reader/${name}`) as Uint8Array<ArrayBuffer> });
        total += size;
      }
    }
  };
  visit("");
  return { files, left };
}

say({ type: "ready" });
