/** Finds what a reply has made: pages, pictures, diagrams, components and documents in its fenced blocks. */

export type Kind = "page" | "picture" | "diagram" | "component" | "document" | "code";

export interface Artifact {
  kind: Kind;
  /** What it calls itself; "" when it does not. */
  title: string;
  source: string;
  language: string;
  /** Whether its block is closed. */
  whole: boolean;
  /** The line of the reply that its source begins at. */
  line: number;
}

/** A block of a text between fences. */
interface Block {
  info: string;
  source: string;
  /** Whether it is closed. */
  whole: boolean;
  /** The line of the text that its source begins at. */
  line: number;
}

const OPENING = /^([ \t]*)(`{3,}|~{3,})[ \t]*([^`\n]*)$/;

/** The fenced blocks of a Markdown text, in order; the last one may still be open. */
export function blocksIn(text: string): Block[] {
  if (!text.includes("```") && !text.includes("~~~")) return [];
  const found: Block[] = [];
  let open: { indent: number; fence: string; info: string; lines: string[]; line: number } | null = null;
  for (const [number, line] of text.split("\n").entries()) {
    if (open === null) {
      const opening = OPENING.exec(line);
      if (opening?.[2] !== undefined)
        open = {
          indent: opening[1]?.length ?? 0,
          fence: opening[2],
          info: (opening[3] ?? "").trim(),
          lines: [],
          line: number + 1,
        };
      continue;
    }
    const bare = line.trim();
    if (bare.startsWith(open.fence) && bare.replaceAll(open.fence[0] as string, "") === "") {
      found.push({ info: open.info, source: open.lines.join("\n"), whole: true, line: open.line });
      open = null;
    } else open.lines.push(dedented(line, open.indent));
  }
  if (open) found.push({ info: open.info, source: open.lines.join("\n"), whole: false, line: open.line });
  return found;
}

function dedented(line: string, indent: number): string {
  let at = 0;
  while (at < indent && (line[at] === " " || line[at] === "\t")) at += 1;
  return line.slice(at);
}

/** A document shorter than this, in lines, is as well read where it stands; so is code. */
const LONG_DOCUMENT = 12;
const LONG_CODE = 25;

/** What a block makes, if it makes anything that deserves a place of its own. */
export function artifactOf({ info, source, whole, line }: Block): Artifact | null {
  const language = (info.split(/[\s{:]/)[0] ?? "").toLowerCase();
  const given = titleIn(info);
  const made = (kind: Kind, title: string): Artifact => ({
    kind,
    title: tidy(given || title),
    source,
    language,
    whole,
    line,
  });
  const lines = source.split("\n").length;
  switch (language) {
    case "html":
    case "htm":
      if (/^\s*<svg[\s>]/i.test(source)) return made("picture", titleTag(source));
      // A few tags are an example of HTML, not a page.
      if (!given && lines < LONG_DOCUMENT && !/<(?:!doctype|html|body|head|script|style)\b/i.test(source))
        return null;
      return made("page", titleTag(source) || heading(source));
    case "svg":
      return made("picture", titleTag(source));
    case "xml":
      return /^\s*(?:<\?xml[^>]*>\s*)?<svg[\s>]/i.test(source) ? made("picture", titleTag(source)) : null;
    case "mermaid":
      return made("diagram", /^---\s*\n(?:.*\n)*?title:[ \t]*(.+)$/m.exec(source)?.[1] ?? "");
    case "jsx":
    case "tsx":
      if (!given && !/\bexport\s+default\b|\bfunction\s+[A-Z]|\bconst\s+[A-Z]\w*\s*=/.test(source))
        return null;
      return made("component", componentName(source));
    case "markdown":
    case "md":
      if (!given && lines < LONG_DOCUMENT) return null;
      return made("document", /^#{1,2}[ \t]+(.+?)[ \t#]*$/m.exec(source)?.[1] ?? "");
    default:
      return given || lines >= LONG_CODE ? made("code", firstComment(source)) : null;
  }
}

/** `html title="My page"`, `python main.py`, `js:src/app.js`: what a block is called in the line that opens it. */
function titleIn(info: string): string {
  const named = /\b(?:title|file|filename|name)\s*=\s*(?:"([^"]+)"|'([^']+)'|(\S+))/.exec(info);
  if (named) return named[1] ?? named[2] ?? named[3] ?? "";
  return /^[\w+#-]+[:\s]\s*([\w./-]+\.\w{1,8})\s*$/.exec(info)?.[1] ?? "";
}

function titleTag(source: string): string {
  return plain(/<title\b[^>]*>([^<]*)<\/title>/i.exec(source)?.[1] ?? "");
}

function heading(source: string): string {
  return plain(/<h1\b[^>]*>(.*?)<\/h1>/is.exec(source)?.[1] ?? "");
}

function plain(markup: string): string {
  return markup
    .replace(/<[^>]*>/g, "")
    .replace(
      /&(amp|lt|gt|quot|#39);/g,
      (_, name) => ({ amp: "&", lt: "<", gt: ">", quot: '"' })[name as "amp"] ?? "'",
    );
}

function componentName(source: string): string {
  const exported = /\bexport\s+default\s+(?:async\s+)?(?:function\s+|class\s+)?([A-Z]\w*)/.exec(source)?.[1];
  return exported ?? /\b(?:function|const|class)\s+([A-Z]\w*)/.exec(source)?.[1] ?? "";
}

/** The name of a file, where the first line is a comment that says nothing else. */
function firstComment(source: string): string {
  return (
    /^(?:#|\/\/|--|;|\/\*|<!--)\s*([\w./-]+\.\w{1,8})\s*(?:\*\/|-->)?\s*$/m.exec(
      source.split("\n", 1)[0] ?? "",
    )?.[1] ?? ""
  );
}

const LONGEST_TITLE = 80;

function tidy(title: string): string {
  const line = title.replace(/[`*_]/g, "").replace(/\s+/g, " ").trim();
  return line.length <= LONGEST_TITLE ? line : `${line.slice(0, LONGEST_TITLE - 1)}…`;
}

/** One version of something, and where it stands. */
export interface Version extends Artifact {
  /** The reply that it is in, and which of that reply's artifacts it is. */
  message: string;
  place: number;
  /** What it shares with its other versions. */
  key: string;
}

const read = new Map<string, { text: string; found: Artifact[] }>();

/** What the replies of a conversation made, the oldest first. A text that was read before is not read again. */
export function versionsIn(replies: readonly { id: string; text: string }[]): Version[] {
  return replies.flatMap(({ id, text }) => {
    let known = read.get(id);
    if (known?.text !== text) {
      known = { text, found: blocksIn(text).flatMap((block) => artifactOf(block) ?? []) };
      read.set(id, known);
    }
    const seen = new Map<string, number>();
    return known.found.map((artifact, place) => {
      const name = `${artifact.kind} ${artifact.title.toLowerCase()}`;
      const nth = (seen.get(name) ?? 0) + 1;
      seen.set(name, nth);
      return { ...artifact, message: id, place, key: nth === 1 ? name : `${name} ${nth}` };
    });
  });
}

/** The versions of the one at a place, oldest first, itself among them. */
export function versionsOf(all: readonly Version[], one: Version): Version[] {
  return all.filter(({ key }) => key === one.key);
}

/** The reply's text with another source in the place of one of its artifacts. */
export function withSource(text: string, { line, source }: Artifact, other: string): string {
  const lines = text.split("\n");
  const indent = /^[ \t]*/.exec(lines[line - 1] ?? "")?.[0] ?? "";
  const put = other.split("\n").map((each) => (each === "" ? each : indent + each));
  lines.splice(line, source.split("\n").length, ...put);
  return lines.join("\n");
}

/** Something as a fenced block, whose fence is longer than any inside it. */
export function fenced({ language }: Artifact, source: string): string {
  const longest = Math.max(2, ...(source.match(/`{3,}/g) ?? []).map((fence) => fence.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${source.replace(/\n$/, "")}\n${fence}`;
}

const ENDINGS: Record<Kind, string> = {
  page: "html",
  picture: "svg",
  diagram: "mmd",
  component: "jsx",
  document: "md",
  code: "txt",
};
const BY_LANGUAGE: Record<string, string> = {
  python: "py",
  py: "py",
  javascript: "js",
  typescript: "ts",
  rust: "rs",
  ruby: "rb",
  csharp: "cs",
  bash: "sh",
  shell: "sh",
  markdown: "md",
  kotlin: "kt",
  yaml: "yml",
};

/** The name of the file that it is downloaded as. */
export function fileName({ kind, title, language }: Artifact, untitled: string): string {
  if (/^[\w.-]+\.\w{1,8}$/.test(title)) return title;
  const stem = (title || untitled)
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "")
    .toLowerCase();
  const known = /^[a-z0-9]{1,5}$/.test(language) ? language : undefined;
  const ending =
    kind === "component" && language === "tsx"
      ? "tsx"
      : kind === "code"
        ? (BY_LANGUAGE[language] ?? known ?? ENDINGS.code)
        : ENDINGS[kind];
  return `${stem || "file"}.${ending}`;
}
