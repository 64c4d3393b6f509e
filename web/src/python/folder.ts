import { call, id } from "~/api/client";
import type { components } from "~/api/schema";
import { contentUrl } from "~/files/calls";
import type { File } from "~/sandbox/running";

/** What is put into the working folder before some code runs, and what is not there that might be missed. */
export interface Folder {
  files: readonly File[];
  /** Names of what is too large to be brought in. */
  large: readonly string[];
  /** Names of what could not be fetched; null when it is not even known what there is. */
  lost: readonly string[] | null;
}

export const emptyFolder: Folder = { files: [], large: [], lost: [] };

/** The files that the code of a message finds: what is attached to it and to what leads to it. Never rejects. */
export async function folderOf(message: string | null): Promise<Folder> {
  if (message === null) return emptyFolder;
  let folder: components["schemas"]["WorkingFolderOut"];
  try {
    folder = await call("GET", `/api/messages/${id(message)}/working-folder`);
  } catch {
    return { ...emptyFolder, lost: null };
  }
  const files: File[] = [];
  const lost: string[] = [];
  await Promise.all(
    folder.files.map(async (file) => {
      try {
        const response = await fetch(contentUrl(file.id), { credentials: "same-origin" });
        if (!response.ok) throw new Error(response.statusText);
        files.push({ name: file.name, bytes: new Uint8Array(await response.arrayBuffer()) });
      } catch {
        lost.push(file.name);
      }
    }),
  );
  return { files, large: folder.left, lost };
}
