import { createContext } from "react";
import type { Cited, Part, Source } from "~/chat/parts/parts";

/** What a marker in a reply, as [1], can open. */
export interface Citable {
  sources: readonly Cited[];
  open: (n: number) => void;
}

/** The sources of the reply around this; null outside of one. */
export const SourcesContext = createContext<Citable | null>(null);

/** One or several numbers of sources, as models write them. */
export const MARKER = /\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]/g;

/** The sources that a reply was given. */
export function sourcesOf(parts: readonly Part[]): readonly Source[] {
  return parts.flatMap((part) => (part.type === "sources" ? part.items : []));
}
