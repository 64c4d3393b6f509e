import type { LucideIcon } from "lucide-react";
import { memo } from "react";
import type { Segment } from "~/api/types";
import { useLocale } from "~/i18n";

export interface Entry {
  id: string;
  group: "conversations" | "messages" | "commands";
  title: string | readonly Segment[];
  icon: LucideIcon;
  keys?: string;
  /** Who said it, what of it was found, and when. */
  detail?: { who: string; snippet: readonly Segment[]; further: string; at: string };
  /** It acts in the finder, which stays open. */
  stays?: true;
  run: () => void;
}

interface Props {
  entry: Entry;
  id: string;
  index: number;
  current: boolean;
  choose: (entry: Entry) => void;
  point: (index: number) => void;
}

/** A line of the finder: one thing to go to or to do. The input above has the keys. */
export const FinderOption = memo(function FinderOption({ entry, id, index, current, choose, point }: Props) {
  const { detail } = entry;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the input above has the keys
    <div
      role="option"
      id={id}
      data-index={index}
      tabIndex={-1}
      aria-selected={current}
      onClick={() => choose(entry)}
      onPointerMove={() => point(index)}
      className={`flex min-h-10 gap-3 rounded-sm px-2.5 text-sm aria-selected:bg-tint touch:min-h-11 ${detail ? "items-start py-2" : "items-center"}`}
    >
      <entry.icon
        aria-hidden
        className={`size-4 flex-none text-muted ${detail ? "mt-0.5" : ""}`}
        strokeWidth={1.75}
      />
      {detail ? (
        <div className="min-w-0 flex-1 leading-snug">
          <div className="flex items-baseline gap-3">
            <span dir="auto" className="truncate font-medium">
              <Marked text={entry.title} />
            </span>
            <When at={detail.at} />
          </div>
          <p className="mt-0.5 line-clamp-2 text-muted [overflow-wrap:anywhere]">
            <span className="text-ink">{detail.who}</span> <Marked text={detail.snippet} />
            {detail.further && <span className="text-xs"> ({detail.further})</span>}
          </p>
        </div>
      ) : (
        <span dir="auto" className="truncate">
          <Marked text={entry.title} />
        </span>
      )}
      {entry.keys && <kbd className="ms-auto font-sans text-muted text-xs max-md:hidden">{entry.keys}</kbd>}
    </div>
  );
});

/** A text with what was looked for made visible. */
function Marked({ text }: { text: string | readonly Segment[] }) {
  if (typeof text === "string") return text;
  return text.map((piece, index) =>
    piece.mark ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text have no other name than their place
      <mark key={index} className="rounded-[3px] bg-accent-tint font-medium text-accent">
        {piece.text}
      </mark>
    ) : (
      piece.text
    ),
  );
}

function When({ at }: { at: string }) {
  const locale = useLocale();
  const date = new Date(at);
  const thisYear = date.getFullYear() === new Date().getFullYear();
  const shown = new Intl.DateTimeFormat(locale, {
    day: "numeric",
    month: "short",
    ...(thisYear ? {} : { year: "numeric" }),
  }).format(date);
  return (
    <time dateTime={at} className="ms-auto flex-none text-muted text-xs tabular-nums">
      {shown}
    </time>
  );
}
