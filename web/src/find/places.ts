const ligatures: Readonly<Record<string, string>> = {
  œ: "oe",
  æ: "ae",
  ß: "ss",
  ø: "o",
  ł: "l",
  đ: "d",
  ı: "i",
};
const quotes: Readonly<Record<string, string>> = {
  "‘": "'",
  "’": "'",
  "‛": "'",
  "“": '"',
  "”": '"',
  "„": '"',
};
/** What stands in a line of its own: its words are not in a row with those before it. */
const BLOCK = "p, li, h1, h2, h3, h4, h5, h6, pre, td, th, blockquote, [data-said] > div, .reply";
/** What is around the words of a message and not among them. */
const NOT_WORDS = "button, figcaption, .sr-only, .katex, svg, style, script, [role=status]";

function folded(character: string): string {
  const plain = quotes[character] ?? character.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  return ligatures[plain] ?? plain;
}

/** A text as it is looked for: small letters without accents, straight quotes, single spaces. As the server has it. */
export function asLookedFor(text: string): string {
  return [...text].map(folded).join("").replace(/\s+/g, " ");
}

/** Where a message that is drawn has `wanted`, in order; `wanted` is as `asLookedFor` gives it. */
export function placesIn(message: Element, wanted: string): Range[] {
  const found: Range[] = [];
  if (wanted.trim() === "") return found;
  for (const words of message.querySelectorAll("[data-said] > div, .reply"))
    for (const [start, end] of spans(words, wanted)) {
      const range = document.createRange();
      range.setStart(start.node, start.at);
      range.setEnd(end.node, end.at);
      found.push(range);
    }
  return found;
}

interface Spot {
  node: Text;
  at: number;
}

function spans(words: Element, wanted: string): [Spot, Spot][] {
  let text = "";
  /** For each character of `text`, where it begins and ends. */
  const starts: Spot[] = [];
  const ends: Spot[] = [];
  let block: Element | null = null;
  let broken = false;
  const walker = document.createTreeWalker(words, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!(node instanceof Text)) {
      broken ||= node.nodeName === "BR";
      continue;
    }
    const parent = node.parentElement;
    if (!parent || parent.closest(NOT_WORDS)) continue;
    const within = parent.closest(BLOCK);
    if ((broken || block !== within) && text !== "" && !text.endsWith(" ")) {
      text += " ";
      starts.push({ node, at: 0 });
      ends.push({ node, at: 0 });
    }
    block = within;
    broken = false;
    let at = 0;
    for (const character of node.data) {
      const next = at + character.length;
      for (const each of folded(character)) {
        const space = /\s/.test(each);
        if (space && text.endsWith(" ")) continue;
        text += space ? " " : each;
        for (let unit = 0; unit < (space ? 1 : each.length); unit += 1) {
          starts.push({ node, at });
          ends.push({ node, at: next });
        }
      }
      at = next;
    }
  }
  const found: [Spot, Spot][] = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const [start, end] = [starts[at], ends[at + wanted.length - 1]];
    if (start && end) found.push([start, end]);
  }
  return found;
}
