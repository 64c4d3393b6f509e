import katex from "katex";
import "katex/dist/katex.min.css";

/** Sets a formula into an element, as elements (never as markup), with MathML for screen readers. */
export function typeset(source: string, display: boolean, into: HTMLElement): void {
  katex.render(source, into, {
    displayMode: display,
    throwOnError: false,
    errorColor: "var(--danger)",
    strict: "ignore",
    trust: false,
    maxExpand: 500,
    maxSize: 40,
  });
}
