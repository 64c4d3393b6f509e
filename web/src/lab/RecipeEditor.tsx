import { useId, useRef } from "react";
import type { Mistake } from "./recipe";
import { useLabWords } from "./words";

interface Props {
  label: string;
  hint: string;
  value: string;
  change: (value: string) => void;
  mistakes: readonly Mistake[];
}

/** A recipe to be written, with its lines numbered, and what is wrong named at its line. */
export function RecipeEditor({ label, hint, value, change, mistakes }: Props) {
  const t = useLabWords().start;
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const lines = value.split("\n");
  const wrong = new Set(mistakes.map(({ line }) => line));
  const go = (line: number) => {
    const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
    area.current?.focus();
    area.current?.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  };
  return (
    <div>
      <label htmlFor={id} className="block font-medium text-sm">
        {label}
      </label>
      <p id={`${id}-hint`} className="mt-0.5 mb-2 text-pretty text-muted text-sm">
        {hint}
      </p>
      <div
        dir="ltr"
        className={`flex max-h-[32rem] overflow-y-auto rounded-sm border bg-raised font-mono text-sm leading-6 focus-within:border-accent focus-within:ring-1 focus-within:ring-accent ${mistakes.length ? "border-danger" : "border-control"}`}
      >
        <div
          aria-hidden
          className="select-none border-line border-e py-2.5 text-end text-muted tabular-nums touch:text-[1rem]"
        >
          {lines.map((_, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
            <div key={place} className={`px-2.5 ${wrong.has(place + 1) ? "bg-danger-tint text-danger" : ""}`}>
              {place + 1}
            </div>
          ))}
        </div>
        <textarea
          ref={area}
          id={id}
          value={value}
          onChange={(event) => change(event.target.value)}
          wrap="off"
          rows={Math.max(12, lines.length)}
          spellCheck={false}
          autoCapitalize="off"
          autoCorrect="off"
          autoComplete="off"
          aria-invalid={mistakes.length > 0 || undefined}
          aria-describedby={[`${id}-hint`, mistakes.length > 0 && `${id}-wrong`].filter(Boolean).join(" ")}
          className="min-w-0 flex-1 resize-none overflow-x-auto overflow-y-hidden bg-transparent px-3 py-2.5 leading-6 outline-none"
        />
      </div>
      {mistakes.length > 0 && (
        <div id={`${id}-wrong`} role="alert" className="mt-3 rounded-md bg-danger-tint px-4 py-3 text-sm">
          <p className="font-medium text-danger">{t.wrong(mistakes.length)}</p>
          <ul className="mt-1 space-y-1">
            {mistakes.map(({ field, line, text }) => (
              <li key={`${field} ${text}`} className="break-words">
                {line !== null && (
                  <>
                    <button
                      type="button"
                      onClick={() => go(line)}
                      className="relative text-danger underline underline-offset-4 touch:before:absolute touch:before:-inset-2.5"
                    >
                      {t.line(line)}
                    </button>{" "}
                  </>
                )}
                {field && <code className="font-mono text-[0.9375em]">{field}</code>}
                {field ? ": " : ""}
                {text}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
