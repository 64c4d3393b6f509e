import type { Cited } from "~/chat/parts/parts";
import { placeOf } from "./naming";
import { useKnowledgeWords } from "./words";

/** The numbers of sources within a text, each of which opens its source. */
export default function Markers({ sources, open }: { sources: readonly Cited[]; open: (n: number) => void }) {
  const t = useKnowledgeWords();
  return sources.map((source) => (
    <button
      key={source.n}
      type="button"
      className="cite"
      title={[source.title, placeOf(source, t)].filter(Boolean).join(" · ")}
      aria-label={t.cite(String(source.n), [source.title, placeOf(source, t)].filter(Boolean).join(", "))}
      onClick={() => open(source.n)}
    >
      {source.n}
    </button>
  ));
}
