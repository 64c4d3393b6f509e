/** What is typed of a mention: where its `@` is, and the words behind that. */
export interface Typed {
  at: number;
  text: string;
}

/** The mention that the caret is at the end of; null where there is none, as in an address. */
export function typedAt(text: string, caret: number): Typed | null {
  const found = /(?:^|[\s(])@([^\s@]{0,40})$/u.exec(text.slice(0, caret));
  return found ? { at: caret - (found[1] ?? "").length - 1, text: found[1] ?? "" } : null;
}

/** The text without a mention that was typed to its caret, and where the caret is then. */
export function withoutTyped(text: string, { at, text: typed }: Typed): { text: string; caret: number } {
  const before = text.slice(0, at);
  const after = text.slice(at + 1 + typed.length);
  return { text: before + (/(?:^|\s)$/u.test(before) ? after.replace(/^ /, "") : after), caret: at };
}
