import { actingFor } from "~/api/acting";
import { call, id, Problem } from "~/api/client";
import { connection } from "~/api/connection";
import type { components } from "~/api/schema";

type Schemas = components["schemas"];

export type File = Schemas["FileOut"];
export type ListedFile = Schemas["ListedFile"];
export type FileList = Schemas["FileList"];
export type Attachment = Schemas["AttachmentOut"];

/** What one of one's files can be knowledge of. */
export type Holder = { project: string } | { assistant: string };

const held = (holder: Holder | undefined) =>
  holder
    ? `&${"project" in holder ? `project=${id(holder.project)}` : `assistant=${id(holder.assistant)}`}`
    : "";

/** The calls about files. All reject with a `Problem`. */
export const files = {
  list: (before: string | null, holder?: Holder) =>
    call<FileList>("GET", `/api/files?limit=50${held(holder)}${before ? `&before=${id(before)}` : ""}`),
  find: (file: string) => call<File>("GET", `/api/files/${id(file)}`),
  change: (file: string, change: Schemas["FilePatch"]) =>
    call<File>("PATCH", `/api/files/${id(file)}`, change),
  retry: (file: string) => call<File>("POST", `/api/files/${id(file)}/retry`),
  delete: (file: string) => call<void>("DELETE", `/api/files/${id(file)}`),
};

export const contentUrl = (file: string, download = false) =>
  `/api/files/${id(file)}/content${download ? "?download=true" : ""}`;
export const thumbnailUrl = (file: string) => `/api/files/${id(file)}/thumbnail`;

/** Sends a file's bytes as they are. `fetch` cannot say how much of them has gone out. */
export function upload(
  what: globalThis.File,
  holder: Holder | undefined,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<File> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/files?name=${id(what.name || "file")}${held(holder)}`);
    for (const [name, value] of Object.entries(actingFor())) request.setRequestHeader(name, value);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0);
    request.onload = async () => {
      connection.found();
      if (request.status === 201) return resolve(JSON.parse(request.responseText));
      const headers = { "retry-after": request.getResponseHeader("retry-after") ?? "" };
      reject(await Problem.from(new Response(request.responseText, { status: request.status, headers })));
    };
    request.onerror = () => {
      connection.lost();
      reject(Problem.network());
    };
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort());
    request.send(what);
  });
}
