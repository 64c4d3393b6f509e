import { queryOptions } from "@tanstack/react-query";
import { call, id } from "~/api/client";
import { files, type Holder, type ListedFile } from "~/files/calls";
import type { KnowledgeDocument } from "./calls";

/** A file that something of one's holds, and how far it is to be searched; null where it was never read. */
export interface Kept {
  file: ListedFile;
  document: KnowledgeDocument | null;
}

/** How far a file is, as its owner is told. */
export type State =
  | { is: "waiting" }
  | { is: "reading"; done: number; of: number }
  | { is: "ready"; passages: number }
  /** Nothing in it can be searched: a picture, or what nobody can read. */
  | { is: "kept" }
  /** `found`: its words are searched all the same. */
  | { is: "failed"; code: string | null; message: string | null; found: boolean };

export function stateOf({ file, document }: Kept): State {
  if (file.kind === "image" || file.kind === "other") return { is: "kept" };
  if (file.status === "failed")
    return { is: "failed", code: file.error_code, message: file.error_message, found: false };
  if (document?.status === "failed")
    return { is: "failed", code: document.error_code, message: document.error_message, found: true };
  if (document?.status === "reading")
    return { is: "reading", done: document.embedded, of: document.passages };
  if (file.status === "waiting") return { is: "waiting" };
  return document ? { is: "ready", passages: document.passages } : { is: "kept" };
}

export const underWay = (kept: Kept) => ["waiting", "reading"].includes(stateOf(kept).is);

const STATES_AT_ONCE = 100;
const LOOK_MS = 1_500;
const PATIENT_MS = 10_000;
const FRESH_MS = 60_000;

async function documentsOf(ids: readonly string[]): Promise<KnowledgeDocument[]> {
  const found: KnowledgeDocument[] = [];
  for (let at = 0; at < ids.length; at += STATES_AT_ONCE) {
    const asked = ids.slice(at, at + STATES_AT_ONCE).map((file) => `file=${id(file)}`);
    found.push(
      ...(await call<{ items: KnowledgeDocument[] }>("GET", `/api/knowledge?${asked.join("&")}`)).items,
    );
  }
  return found;
}

async function keptBy(holder: Holder): Promise<Kept[]> {
  const all: ListedFile[] = [];
  let before: string | null = null;
  do {
    const page = await files.list(before, holder);
    all.push(...page.items);
    before = page.next;
  } while (before);
  const documents = await documentsOf(all.map((file) => file.id));
  const byFile = new Map(documents.map((document) => [document.file_id, document]));
  return all.map((file) => ({ file, document: byFile.get(file.id) ?? null }));
}

/** What a project or an assistant holds, the newest first. Until all is read it is looked at again: often at first. */
export const keptQuery = (holder: Holder) =>
  queryOptions({
    queryKey: ["files", "kept", holder],
    queryFn: () => keptBy(holder),
    refetchInterval: ({ state }) => {
      const waited = state.data?.filter(underWay).map(({ file }) => Date.now() - Date.parse(file.created_at));
      if (!waited?.length) return false;
      return Math.min(...waited) < FRESH_MS ? LOOK_MS : PATIENT_MS;
    },
  });

/** Has a file that failed be tried again. */
export const tryAgain = ({ file }: Kept) =>
  file.status === "failed"
    ? files.retry(file.id)
    : call<KnowledgeDocument>("POST", `/api/knowledge/${id(file.id)}/retry`);

/** Takes a file away from what holds it; it stays among one's files. */
export const takeOut = (file: string, holder: Holder) =>
  files.change(file, "project" in holder ? { project_id: null } : { assistant_id: null });
