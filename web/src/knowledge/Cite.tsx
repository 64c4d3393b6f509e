import { lazy, type ReactNode, Suspense, use } from "react";
import { MARKER, SourcesContext } from "./sources";

const Markers = lazy(() => import("./Markers"));

/** A text whose markers of sources open them. Numbers in brackets that name none stay as they are. */
export function withCitations(text: string): ReactNode {
  if (!text.includes("[")) return text;
  const pieces: ReactNode[] = [];
  let end = 0;
  for (const found of text.matchAll(MARKER)) {
    pieces.push(
      text.slice(end, found.index),
      <Cites key={found.index} marker={found[0]} list={found[1] ?? ""} />,
    );
    end = found.index + found[0].length;
  }
  return end === 0 ? text : [...pieces, text.slice(end)];
}

function Cites({ marker, list }: { marker: string; list: string }) {
  const citable = use(SourcesContext);
  if (!citable) return marker;
  const numbers = list.split(/[,;]/).map(Number);
  const found = numbers.flatMap((n) => citable.sources.find((source) => source.n === n) ?? []);
  if (found.length < numbers.length) return marker;
  return (
    <span data-marker={marker}>
      <Suspense fallback={marker}>
        <Markers sources={found} open={citable.open} />
      </Suspense>
    </span>
  );
}
