declare global {
  interface Window {
    /** What `appearance.js` asked for before this script was here, by path; null for what came to nothing. */
    early?: Map<string, Promise<Response | null>>;
  }
}

/** What was true when the page began is soon no longer; milliseconds. */
const FRESH_MS = 10_000;

/** The answer to what was asked before the scripts were here; each is given out once, and only if it is a good one. */
export async function askedEarly(path: string): Promise<Response | null> {
  const asked = window.early?.get(path);
  if (!asked) return null;
  window.early?.delete(path);
  const late = performance.now() > FRESH_MS;
  const answer = late ? null : await asked;
  return answer?.ok ? answer : null;
}
