/** Which numbers a field takes, and the one that it usually has. */
export interface NumberRule {
  usual: number;
  /** The least; where it is `above`, already too little. */
  low: number;
  high: number;
  whole?: boolean;
  above?: boolean;
}

/** When a canary may go to all. */
export const boundRules = {
  slower: { usual: 1.25, low: 1, high: 100 },
  requests: { usual: 50, low: 1, high: 1e9, whole: true },
  minutes: { usual: 60, low: 0, high: 1e6 },
} satisfies Record<string, NumberRule>;

/** What a turn of the flywheel is told. */
export const turnRules = {
  least: { usual: 50, low: 1, high: 1e6, whole: true },
  epochs: { usual: 2, low: 1, high: 100, whole: true },
  batch: { usual: 4, low: 2, high: 1024, whole: true },
  learning_rate: { usual: 2e-5, low: 0, high: 1, above: true },
  rank: { usual: 16, low: 1, high: 1024, whole: true },
} satisfies Record<string, NumberRule>;

/** The number that somebody typed, with a point or a comma; null where the rule has no such number. */
export function typedNumber(text: string, { low, high, whole, above }: NumberRule): number | null {
  const plain = text.trim().replace(",", ".");
  const value = Number(plain);
  if (plain === "" || !Number.isFinite(value) || value > high) return null;
  if (above ? value <= low : value < low) return null;
  return whole && !Number.isInteger(value) ? null : value;
}

/** What fields begin with. */
export function usualTexts<Name extends string>(rules: Record<Name, NumberRule>): Record<Name, string> {
  const texts = Object.entries<NumberRule>(rules).map(([name, { usual }]) => [name, String(usual)]);
  return Object.fromEntries(texts) as Record<Name, string>;
}

/** All numbers of a form, by their names; null while one of them is wrong. */
export function typedNumbers<Name extends string>(
  texts: Record<Name, string>,
  rules: Record<Name, NumberRule>,
): Record<Name, number> | null {
  const found = {} as Record<Name, number>;
  for (const name of Object.keys(rules) as Name[]) {
    const value = typedNumber(texts[name], rules[name]);
    if (value === null) return null;
    found[name] = value;
  }
  return found;
}
