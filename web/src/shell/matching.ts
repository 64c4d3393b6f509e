/** A text for comparing: small letters without accents. */
export function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ").trim();
}

/**
 * How well a title answers what is wanted (both folded): 0 for not at all. Every word wanted must be there; beginnings
 * of the title count most, then beginnings of words.
 */
export function score(title: string, wanted: string): number {
  let sum = 0;
  for (const word of wanted.split(" ")) {
    const index = title.indexOf(word);
    if (index < 0) return 0;
    if (index === 0) sum += 4;
    else if (new RegExp(`[\\s'’(«-]${word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`).test(title)) sum += 2;
    else sum += 1;
  }
  return title.startsWith(wanted) ? sum + 4 : sum;
}
