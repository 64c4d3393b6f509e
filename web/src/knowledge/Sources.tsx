import { lazy, type ReactNode, Suspense, useMemo, useState } from "react";
import type { Part, Source } from "~/chat/parts/parts";
import { SourcesContext, sourcesOf } from "./sources";

const Chips = lazy(() => import("./Chips"));
const DocumentPanel = lazy(() => import("./DocumentPanel"));

/** A reply's text, whose markers open its sources, and below it, when it is written, the sources themselves. */
export function WithSources({
  parts,
  text,
  done,
  conversation,
  children,
}: {
  parts: readonly Part[];
  text: string;
  done: boolean;
  conversation: string;
  children: ReactNode;
}) {
  const [opened, open] = useState<Source | null>(null);
  const sources = useMemo(() => sourcesOf(parts), [parts]);
  const citable = useMemo(
    () => ({ sources, open: (n: number) => open(sources.find((source) => source.n === n) ?? null) }),
    [sources],
  );
  if (sources.length === 0) return children;
  return (
    <SourcesContext value={citable}>
      {children}
      {done && text !== "" && (
        <Suspense>
          <Chips text={text} sources={sources} open={open} />
        </Suspense>
      )}
      {opened && (
        <Suspense>
          <DocumentPanel source={opened} conversation={conversation} close={() => open(null)} />
        </Suspense>
      )}
    </SourcesContext>
  );
}
