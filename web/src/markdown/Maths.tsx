import { memo, useEffect, useLayoutEffect, useRef, useState } from "react";

type Typeset = (source: string, display: boolean, into: HTMLElement) => void;

let typeset: Typeset | null = null;
let loading: Promise<Typeset> | null = null;

/** Mathematics, set by KaTeX, which is fetched when the first formula is met. Until then its source is shown. */
export const Maths = memo(function Maths({ source, display }: { source: string; display: boolean }) {
  const place = useRef<HTMLElement>(null);
  const [ready, setReady] = useState(() => typeset);

  useEffect(() => {
    if (ready) return;
    loading ??= import("./typesetting").then((module) => {
      typeset = module.typeset;
      return module.typeset;
    });
    let mounted = true;
    loading.then(
      (loaded) => mounted && setReady(() => loaded),
      () => {
        loading = null;
      },
    );
    return () => {
      mounted = false;
    };
  }, [ready]);

  useLayoutEffect(() => {
    if (place.current && ready) ready(source, display, place.current);
  }, [ready, source, display]);

  // Once KaTeX is there it owns what is inside; React must not.
  const content = ready ? null : <code>{source}</code>;
  const key = ready ? "set" : "source";
  return display ? (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long formula scrolls, so the keyboard must reach it
    <span key={key} ref={place} tabIndex={0} className="maths-block block">
      {content}
    </span>
  ) : (
    <span key={key} ref={place}>
      {content}
    </span>
  );
});
