import { FileText } from "lucide-react";
import type { Source } from "~/chat/parts/parts";
import { placeOf, usedIn } from "./naming";
import { useKnowledgeWords } from "./words";

/** What a reply that is written was written from. */
export default function Chips({
  text,
  sources,
  open,
}: {
  text: string;
  sources: readonly Source[];
  open: (source: Source) => void;
}) {
  const t = useKnowledgeWords();
  return (
    <section aria-label={t.sources} className="mt-3" data-sources>
      <ul className="flex flex-wrap gap-1.5">
        {usedIn(text, sources).map((source) => {
          const place = placeOf(source, t);
          return (
            <li key={source.n} className="max-w-full">
              <button
                type="button"
                onClick={() => open(source)}
                aria-label={t.cite(String(source.n), [source.title, place].filter(Boolean).join(", "))}
                className="flex min-h-8 max-w-full items-center gap-1.5 rounded-md border border-line bg-raised px-2.5 text-start text-xs transition-colors duration-100 hover:bg-tint touch:min-h-11"
              >
                <FileText aria-hidden className="size-3.5 flex-none text-muted" strokeWidth={1.75} />
                <span className="font-medium tabular-nums">{source.n}</span>
                <span className="min-w-0 max-w-48 truncate">{source.title}</span>
                {place && <span className="min-w-0 max-w-40 truncate text-muted">{place}</span>}
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
