/** What a reply consists of besides its text. `at` is how many characters (code points) of the text come before it. */
export type Part = Thinking | ToolStep | Vote | Sources;

export interface Thinking {
  type: "thinking";
  at: number;
  began_at: string;
  text?: string;
  seconds?: number | null;
}

export type StepStatus = "asked" | "approved" | "refused" | "running" | "done" | "failed";

export interface ToolStep {
  type: "tool";
  id: string;
  at: number;
  round: number;
  name: string;
  title: string;
  arguments: Record<string, unknown>;
  status: StepStatus;
  began_at: string;
  read_only?: boolean;
  summary?: string;
  seconds?: number | null;
  cost_nano?: number;
  reason?: string;
  result?: boolean;
}

export interface Vote {
  type: "vote";
  at: number;
  samples: number;
  agree?: number;
}

/** A passage of a file that the model was given, under the number that it cites it by. */
export interface Source {
  n: number;
  file_id: string;
  title: string;
  /** The passage's number in the document, and where it is in the document's text. */
  passage: number;
  start: number;
  end: number;
  headings?: readonly string[];
  place?: { kind: "page" | "slide" | "sheet"; name: string };
}

/** As much of it as its reader is told. */
export type Cited = Pick<Source, "n" | "title" | "headings" | "place">;

export interface Sources {
  type: "sources";
  at: number;
  items: readonly Source[];
}

/** The events that carry parts; those of other versions are left out. */
export type PartEvent =
  | { type: "thinking"; v: number; text?: string; began_at?: string; seconds?: number }
  | ({ type: "step"; v: number; id: string } & Partial<Omit<ToolStep, "type" | "id" | "at">>)
  | { type: "vote"; v: number; samples: number; agree?: number }
  | { type: "sources"; v: number; items: readonly Source[] };

const VERSION = 1;

/** The parts after an event, as the server folds them; `at` is the length of the text so far. */
export function withEvent(parts: readonly Part[], event: PartEvent, at: number): readonly Part[] {
  if (event.v !== VERSION) return parts;
  const last = parts.at(-1);
  if (event.type === "thinking") {
    const { text = "", began_at, seconds = null } = event;
    if (last?.type === "thinking" && last.seconds == null)
      return [...parts.slice(0, -1), { ...last, text: (last.text ?? "") + text, seconds }];
    return began_at ? [...parts, { type: "thinking", at, began_at, text, seconds }] : parts;
  }
  if (event.type === "sources") return [...parts, { type: "sources", at, items: event.items }];
  if (event.type === "vote") {
    const { samples, agree = 0 } = event;
    const vote: Vote = { type: "vote", at: last?.type === "vote" ? last.at : at, samples, agree };
    return last?.type === "vote" ? [...parts.slice(0, -1), vote] : [...parts, vote];
  }
  const { v: _, type: __, ...change } = event;
  if (parts.some((part) => part.type === "tool" && part.id === event.id))
    return parts.map((part) =>
      part.type === "tool" && part.id === event.id ? { ...part, ...change } : part,
    );
  if (!change.name || !change.began_at) return parts;
  return [...parts, { type: "tool", at, ...change } as ToolStep];
}

export interface Segment {
  /** The parts before a piece of text, and that text. */
  parts: Part[];
  text: string;
  key: number;
}

/** The reply's text cut at its parts, in order. Parts beyond the end of a text that still flows are not shown yet. */
export function segments(text: string, parts: readonly Part[]): Segment[] {
  const found: Segment[] = [{ parts: [], text: "", key: 0 }];
  let start = 0;
  let counted = 0;
  for (const part of parts) {
    let end = start;
    while (counted < part.at && end < text.length) {
      end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
      counted += 1;
    }
    if (counted < part.at) break;
    const current = found[found.length - 1] as Segment;
    if (end > start) {
      current.text = text.slice(start, end);
      found.push({ parts: [part], text: "", key: part.at });
    } else current.parts.push(part);
    start = end;
  }
  (found[found.length - 1] as Segment).text = text.slice(start);
  return found;
}

/** How many code points a text has. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}
