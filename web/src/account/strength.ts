export type Strength = "short" | "weak" | "fair" | "good" | "strong";

/** As the server has it. */
export const SHORTEST = 10;

const KINDS: [RegExp, number][] = [
  [/[a-z]/, 26],
  [/[A-Z]/, 26],
  [/\d/, 10],
  [/[^\p{L}\d]/u, 33],
  [/[^\P{L}a-zA-Z]/u, 40],
];

/**
 * A rough guess of how hard a password is to guess: its length in different characters, times the kinds of characters in
 * it. Repeated and neighbouring characters ("aaaa", "1234") add next to nothing, nor does what is known of its owner.
 */
export function strength(password: string, known: readonly string[] = []): Strength {
  if ([...password].length < SHORTEST) return "short";
  let rest = password.toLowerCase();
  for (const word of known.map((each) => each.toLowerCase()).filter((each) => each.length > 2))
    rest = rest.replaceAll(word, "");
  const codes = [...rest].map((character) => character.codePointAt(0) ?? 0);
  const fresh = codes.filter(
    (code, index) => index === 0 || Math.abs(code - (codes[index - 1] ?? 0)) > 1,
  ).length;
  const alphabet = KINDS.reduce((sum, [kind, size]) => (kind.test(password) ? sum + size : sum), 0);
  const variety = new Set(codes).size / Math.max(1, codes.length);
  const bits = fresh * Math.log2(Math.max(2, alphabet)) * Math.min(1, variety + 0.4);
  if (bits < 36) return "weak";
  if (bits < 55) return "fair";
  return bits < 80 ? "good" : "strong";
}
