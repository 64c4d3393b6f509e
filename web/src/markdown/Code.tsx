import type { Element, ElementContent, Root } from "hast";
import { Check, Copy, WrapText } from "lucide-react";
import { Fragment, memo, type ReactNode, useDeferredValue, useEffect, useMemo, useState } from "react";
import { useWords } from "~/i18n";
import { IconButton } from "~/ui/IconButton";
import { useCopy } from "~/ui/useCopy";

type Highlight = (source: string, language: string) => Root | null;

let highlight: Highlight | null = null;
let loading: Promise<Highlight> | null = null;

/** The highlighter, fetched when the first code block that can use it is met. */
function useHighlighter(wanted: boolean): Highlight | null {
  const [ready, setReady] = useState(() => highlight);
  useEffect(() => {
    if (!wanted || ready) return;
    loading ??= import("./highlighting").then((module) => {
      highlight = module.highlight;
      return module.highlight;
    });
    let mounted = true;
    loading.then(
      (loaded) => mounted && setReady(() => loaded),
      () => {
        // Plain code is readable; the next block tries again.
        loading = null;
      },
    );
    return () => {
      mounted = false;
    };
  }, [wanted, ready]);
  return ready;
}

interface Props {
  source: string;
  language: string;
  /** What else can be done with it. */
  actions?: ReactNode;
}

export const Code = memo(function Code({ source, language, actions }: Props) {
  const t = useWords();
  const [wrapped, setWrapped] = useState(false);
  const { copied, copy } = useCopy();
  const name = language.trim().split(/[\s{]/)[0] ?? "";
  const highlighter = useHighlighter(name !== "");
  // While code is being written, colour follows the text when there is time for it.
  const coloured = useDeferredValue(source);
  const tree = useMemo(() => highlighter?.(coloured, name) ?? null, [highlighter, coloured, name]);
  return (
    <figure className="code my-4 overflow-hidden rounded-md border border-line bg-raised">
      <figcaption className="flex h-10 items-center gap-1 border-line border-b pe-1 ps-4 text-muted text-xs">
        <span className="me-auto font-mono">{name || t.code.plain}</span>
        {actions}
        <IconButton
          label={t.code.wrap}
          icon={WrapText}
          pressed={wrapped}
          onClick={() => setWrapped(!wrapped)}
          small
        />
        <IconButton
          label={copied ? t.message.copied : t.code.copy}
          icon={copied ? Check : Copy}
          onClick={() => copy(source)}
          small
        />
      </figcaption>
      {/* Long lines scroll; so the keyboard must be able to reach them. */}
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        tabIndex={0}
        dir="ltr"
        className={`overflow-x-auto px-4 py-3 text-[0.8125rem] leading-relaxed ${wrapped ? "whitespace-pre-wrap" : ""}`}
      >
        <code className="text-[1em]!">
          {tree ? (
            <>
              {elements(tree.children as ElementContent[])}
              {source.startsWith(coloured) ? source.slice(coloured.length) : null}
            </>
          ) : (
            source
          )}
        </code>
      </pre>
    </figure>
  );
});

function elements(nodes: ElementContent[]): ReactNode {
  return nodes.map((node, index) => {
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of highlighted code have no other identity
    if (node.type === "text") return <Fragment key={index}>{node.value}</Fragment>;
    if (node.type !== "element") return null;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: see above
      <span key={index} className={classes(node)}>
        {elements(node.children)}
      </span>
    );
  });
}

function classes(node: Element): string {
  const given = node.properties.className;
  return Array.isArray(given) ? given.join(" ") : "";
}
