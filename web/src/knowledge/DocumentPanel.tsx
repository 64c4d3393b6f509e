import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Problem } from "~/api/client";
import type { Source } from "~/chat/parts/parts";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { type Excerpt, excerptQuery } from "./calls";
import { placeOf } from "./naming";
import { useKnowledgeWords } from "./words";

/** How many passages further the document is opened with each step. */
const STEP = 12;

interface Props {
  source: Source;
  conversation: string;
  close: () => void;
}

/** A document opened at a passage: beside the conversation, or over it on a phone. */
export default function DocumentPanel({ source, conversation, close }: Props) {
  const t = useKnowledgeWords();
  const [around, setAround] = useState(source.passage);
  const { data, error, refetch } = useQuery(excerptQuery(source.file_id, around, conversation));
  const place = placeOf(source, t);
  return (
    <Dialog
      label={source.title}
      close={close}
      className="fixed inset-y-0 ms-auto me-0 h-dvh w-full bg-paper shadow-soft sm:w-[min(38rem,92vw)] sm:border-line sm:border-s"
    >
      <div className="flex h-full flex-col pt-[env(safe-area-inset-top)] pb-[env(safe-area-inset-bottom)]">
        <header className="flex flex-none items-start gap-3 border-line border-b p-4 sm:px-6">
          <div className="me-auto min-w-0">
            <h2 className="break-words font-serif text-lg leading-snug">{source.title}</h2>
            {place && <p className="mt-0.5 text-muted text-sm">{place}</p>}
          </div>
          <IconButton label={t.close} icon={X} onClick={close} small />
        </header>
        {data ? (
          <Pages key={around} excerpt={data} source={source} go={setAround} />
        ) : error ? (
          <div className="p-6">
            <p role="alert" className="text-muted">
              {error instanceof Problem && error.status === 404 ? t.gone : t.failed}
            </p>
            {!(error instanceof Problem && error.status === 404) && (
              <Button look="outline" className="mt-4" onClick={() => refetch()}>
                {t.retry}
              </Button>
            )}
          </div>
        ) : (
          <p role="status" className="late p-6 text-muted">
            {t.loading}
          </p>
        )}
      </div>
    </Dialog>
  );
}

function Pages({ excerpt, source, go }: { excerpt: Excerpt; source: Source; go: (around: number) => void }) {
  const t = useKnowledgeWords();
  const mark = useRef<HTMLElement>(null);
  useEffect(() => mark.current?.scrollIntoView({ block: "center" }), []);
  const { passages, document } = excerpt;
  const first = passages[0]?.number ?? 0;
  const last = passages.at(-1)?.number ?? 0;
  let end = 0;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must be able to reach it
    <section tabIndex={0} aria-label={document.title} className="min-h-0 flex-1 overflow-y-auto p-4 sm:px-6">
      {first > 0 && (
        <Button look="outline" className="mb-4" onClick={() => go(Math.max(0, first - STEP))}>
          {t.earlier}
        </Button>
      )}
      {passages.map((passage) => {
        // A passage repeats the last of the one before; it is shown once, and wholly in the one that is cited.
        const cited = passage.number === source.passage;
        const next = passages.find(({ number }) => number === source.passage);
        const stop = !cited && next && passage.number === source.passage - 1 ? next.start : passage.end;
        const text = cut(passage.text, cited ? 0 : end - passage.start, stop - passage.start);
        end = Math.max(end, stop);
        return cited ? (
          <mark
            key={passage.number}
            ref={mark}
            className="-mx-2 my-3 block whitespace-pre-wrap break-words rounded-e-md border-accent border-s-2 bg-accent/10 px-3 py-2 text-ink"
            data-passage
          >
            {withHeadings(text, passage.headings)}
          </mark>
        ) : (
          <div key={passage.number} className="my-3 whitespace-pre-wrap break-words text-muted">
            {withHeadings(text, passage.headings)}
          </div>
        );
      })}
      {last + 1 < document.passages && (
        <Button look="outline" className="mt-4" onClick={() => go(last + STEP)}>
          {t.later}
        </Button>
      )}
    </section>
  );
}

/** A text in which the headings that it stands under look like headings, and not like Markdown. */
export function withHeadings(text: string, headings: readonly string[]): ReactNode {
  const pieces: ReactNode[] = [];
  let end = 0;
  const upTo = (start: number) => text.slice(end, start).replace(/^\n+|\n+$/g, "");
  for (const { 0: line, 1: heading = "", index } of text.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    if (!headings.includes(heading)) continue;
    pieces.push(
      upTo(index),
      <strong key={index} className="my-2 block font-medium font-serif text-ink first:mt-0">
        {heading}
      </strong>,
    );
    end = index + line.length;
  }
  return end === 0 ? text : [...pieces, upTo(text.length)];
}

/** The characters (code points) of a text from one place to another. */
function cut(text: string, from: number, to: number): string {
  return from <= 0 && to >= text.length ? text : [...text].slice(Math.max(0, from), to).join("");
}
