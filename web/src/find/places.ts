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
const NOT_WORDS = "button, [data-marker], figcaption, .sr-only, .katex, svg, style, script, [role=status]";

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
  const read = (data: string, parent: Element, spots: (from: number, to: number) => [Spot, Spot]) => {
    const within = parent.closest(BLOCK);
    if ((broken || block !== within) && text !== "" && !text.endsWith(" ")) {
      const [here] = spots(0, 0);
      text += " ";
      starts.push(here);
      ends.push(here);
    }
    block = within;
    broken = false;
    let at = 0;
    for (const character of data) {
      const next = at + character.length;
      const [start, end] = spots(at, next);
      for (const each of folded(character)) {
        const space = /\s/.test(each);
        if (space && text.endsWith(" ")) continue;
        text += space ? " " : each;
        for (let unit = 0; unit < (space ? 1 : each.length); unit += 1) {
          starts.push(start);
          ends.push(end);
        }
      }
      at = next;
    }
  };
  const walker = document.createTreeWalker(words, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node instanceof Text) {
      const { data, parentElement: parent } = node;
      const within = node;
      if (parent && !parent.closest(NOT_WORDS))
        read(data, parent, (from, to) => [
          { node: within, at: from },
          { node: within, at: to },
        ]);
      continue;
    }
    broken ||= node.nodeName === "BR";
    const marker = node instanceof HTMLElement ? node.dataset.marker : undefined;
    if (marker === undefined) continue;
    // What is written as [1, 2] is drawn as numbers that can be pressed: it is found as it is written, and all of it.
    const drawn = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    const first = drawn.nextNode() as Text;
    let last = first;
    for (let next = first; next; next = drawn.nextNode() as Text) last = next;
    read(marker, node as Element, () => [
      { node: first, at: 0 },
      { node: last, at: last.length },
    ]);
  }
  const found: [Spot, Spot][] = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const [start, end] = [starts[at], ends[at + wanted.length - 1]];
    if (start && end) found.push([start, end]);
  }
  return found;
}
