const NARROW = "\u202f";
const NO_BREAK = "\u00a0";

/** French spacing: narrow no-break spaces before ; ! ? and inside « », a no-break space before a colon; apostrophes that curl. */
export function spaced(text: string): string {
  return text
    .replace(/ ([;!?»])/g, `${NARROW}$1`)
    .replace(/« /g, `«${NARROW}`)
    .replace(/ :/g, `${NO_BREAK}:`)
    .replace(/(?<=\p{L})'(?=\p{L})/gu, "’");
}

/** The same dictionary with every phrase, and every phrase that a function makes, well spaced. */
export function typeset<T>(words: T): T {
  if (typeof words === "string") return spaced(words) as T;
  if (typeof words === "function") {
    const phrase = words as unknown as (...given: unknown[]) => string;
    return ((...given: unknown[]) => spaced(phrase(...given))) as T;
  }
  if (Array.isArray(words)) return words.map(typeset) as T;
  return Object.fromEntries(
    Object.entries(words as Record<string, unknown>).map(([key, value]) => [key, typeset(value)]),
  ) as T;
}
