import type { Cited, Source } from "~/chat/parts/parts";
import { MARKER } from "./sources";
import type { useKnowledgeWords } from "./words";

/** The sources that a text cites. One that cites none, as small models do, was written from all that it was given. */
export function usedIn(text: string, sources: readonly Source[]): readonly Source[] {
  const numbers = new Set(
    [...text.matchAll(MARKER)].flatMap(([, list]) => (list ?? "").split(/[,;]/).map(Number)),
  );
  const cited = sources.filter(({ n }) => numbers.has(n));
  return cited.length > 0 ? cited : sources;
}

/** Where a passage stands, as one says it: the page or sheet, then the heading. */
export function placeOf({ place, headings = [] }: Cited, t: ReturnType<typeof useKnowledgeWords>): string {
  return [place && t.place[place.kind](place.name), headings.at(-1)].filter(Boolean).join(" · ");
}
