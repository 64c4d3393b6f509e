import { Marked, type Token, type Tokens, type TokensList } from "marked";

export interface MathsToken {
  type: "maths" | "mathsBlock";
  raw: string;
  source: string;
  display: boolean;
}

// $…$ is mathematics only where no price can be meant: nothing blank inside the dollars, no digit after them.
const inlineDollar = /^\$(?![\s$])((?:\\.|[^\\$\n])*?[^\\\s$]|\\.)\$(?![\d$])/;
const inlineDisplay = /^\$\$(?!\s*\n)((?:\\.|[^\\$])+?)\$\$/;
const inlineRound = /^\\\(([\s\S]+?)\\\)/;
const inlineSquare = /^\\\[([\s\S]+?)\\\]/;
const blockMaths = /^ {0,3}(?:\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\])[ \t]*(?:\n+|$)/;

function first(source: string, ...needles: string[]): number | undefined {
  const found = needles.map((needle) => source.indexOf(needle)).filter((index) => index >= 0);
  return found.length > 0 ? Math.min(...found) : undefined;
}

const dialect = new Marked({
  gfm: true,
  extensions: [
    {
      name: "mathsBlock",
      level: "block",
      start: (source) => source.match(/(?:^|\n) {0,3}(?:\$\$|\\\[)/)?.index,
      tokenizer(source): MathsToken | undefined {
        const match = blockMaths.exec(source);
        const inside = match?.[1] ?? match?.[2];
        if (!match || inside === undefined) return undefined;
        return { type: "mathsBlock", raw: match[0], source: inside.trim(), display: true };
      },
    },
    {
      name: "maths",
      level: "inline",
      start: (source) => first(source, "$", "\\(", "\\["),
      tokenizer(source): MathsToken | undefined {
        const display = inlineDisplay.exec(source) ?? inlineSquare.exec(source);
        const match = display ?? inlineDollar.exec(source) ?? inlineRound.exec(source);
        if (!match?.[1]) return undefined;
        return { type: "maths", raw: match[0], source: match[1].trim(), display: display !== null };
      },
    },
  ],
});

/**
 * Cuts a growing text into Markdown blocks. Blocks that more text cannot change any more are kept as they are, the very
 * same objects, and only what follows them is read again; so a long reply costs no more per word than a short one.
 */
export class BlockReader {
  #settled: Token[] = [];
  #settledText = "";
  #links: TokensList["links"] = {};

  read(text: string): Token[] {
    if (!text.startsWith(this.#settledText)) {
      this.#settled = [];
      this.#settledText = "";
      this.#links = {};
    }
    const lexer = new dialect.Lexer(dialect.defaults);
    lexer.tokens.links = { ...this.#links };
    const tail = lexer.lex(text.slice(this.#settledText.length)) as TokensList;
    this.#links = tail.links;
    const open = tail.findLastIndex((token) => token.type !== "space");
    for (const token of tail.slice(0, Math.max(0, open))) {
      this.#settled.push(token);
      this.#settledText += token.raw;
    }
    return [...this.#settled, ...tail.slice(Math.max(0, open))];
  }
}

export type { Token, Tokens };

/** Hides the loose ends of a text that is still being written: an emphasis, code span or link not yet closed. */
export function mend(text: string): string {
  const fences = text.match(/^ {0,3}(?:```|~~~)/gm)?.length ?? 0;
  if (fences % 2 === 1) return text;
  const start = text.lastIndexOf("\n\n") + 1;
  let tail = text.slice(start);
  const spans = tail.match(/`+/g) ?? [];
  if (spans.length % 2 === 1) {
    const marks = spans.at(-1) as string;
    return tail.endsWith(marks) ? text.slice(0, -marks.length) : text + marks;
  }
  tail = tail.replace(/!?\[([^\]\n]*)\]\([^)\n]*$/, "$1").replace(/!?\[([^\]\n]*)$/, "$1");
  tail = tail.replace(/(?<=^|\s)[*_]{1,3}$/, "");
  for (const mark of ["**", "__", "~~"]) {
    const marks = tail.split(mark).length - 1;
    if (marks % 2 === 1) tail = tail.endsWith(mark) ? tail.slice(0, -mark.length) : tail.trimEnd() + mark;
  }
  return text.slice(0, start) + tail;
}
