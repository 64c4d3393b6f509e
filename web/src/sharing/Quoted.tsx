import { FileText, Globe } from "lucide-react";
import { type ReactNode, useId, useMemo } from "react";
import type { Cited } from "~/chat/parts/parts";
import { placeOf } from "~/knowledge/naming";
import { SourcesContext } from "~/knowledge/sources";
import { useKnowledgeWords } from "~/knowledge/words";

/** A passage that a reply cites; without `text` it is only named. */
export type ReadSource = Omit<Cited, "place"> & { place?: Cited["place"] | null; text?: string | null };

export interface WebPage {
  url: string;
  title: string;
}

const box = "rounded-md border border-line bg-raised print:break-inside-avoid";
const look = "flex min-h-9 items-center gap-2 rounded-md px-3";

/** A reply whose markers lead to the passages that it cites: they are below it, folded, with their words. */
export default function Quoted({
  sources,
  pages,
  children,
}: {
  sources: readonly ReadSource[];
  pages: readonly WebPage[];
  children: ReactNode;
}) {
  const t = useKnowledgeWords();
  const here = useId();
  const told = useMemo(
    () =>
      sources.map(({ n, title, headings = [], place }) => ({ n, title, headings, ...(place && { place }) })),
    [sources],
  );
  const citable = useMemo(
    () => ({
      sources: told,
      open(n: number) {
        const found = document.getElementById(`${here}${n}`);
        if (found instanceof HTMLDetailsElement) found.open = true;
        found?.scrollIntoView({ block: "center" });
        found?.querySelector("summary")?.focus({ preventScroll: true });
      },
    }),
    [told, here],
  );
  return (
    <SourcesContext value={citable}>
      {children}
      <section aria-label={t.sources} className="mt-4 space-y-1.5 text-sm" data-sources>
        {told.map((source, index) => {
          const text = sources[index]?.text;
          const line = (
            <>
              <FileText aria-hidden className="size-4 flex-none text-muted" strokeWidth={1.75} />
              <span className="font-medium tabular-nums">{source.n}</span>
              <span className="min-w-0 truncate">{source.title}</span>
              <span className="min-w-0 truncate text-muted">{placeOf(source, t)}</span>
            </>
          );
          const placed = { id: `${here}${source.n}`, className: box };
          return text === undefined ? (
            <div key={source.n} {...placed}>
              <p className={look}>{line}</p>
            </div>
          ) : (
            <details key={source.n} {...placed}>
              <summary className={`${look} cursor-pointer hover:bg-tint touch:min-h-11`}>{line}</summary>
              <blockquote className="whitespace-pre-wrap border-line border-t px-3 py-2 text-muted [overflow-wrap:anywhere]">
                {text ?? t.gone}
              </blockquote>
            </details>
          );
        })}
        {pages.map(({ url, title }) => (
          <div key={url} className={box}>
            <a href={url} target="_blank" rel="noreferrer noopener" className={`${look} hover:bg-tint`}>
              <Globe aria-hidden className="size-4 flex-none text-muted" strokeWidth={1.75} />
              <span className="max-w-[60%] flex-none truncate">{title}</span>
              <span className="min-w-0 truncate text-muted print:overflow-visible print:whitespace-normal print:[overflow-wrap:anywhere]">
                {url}
              </span>
            </a>
          </div>
        ))}
      </section>
    </SourcesContext>
  );
}
