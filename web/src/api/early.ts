declare global {
  interface Window {
    /** What `appearance.js` asked for before this script was here, by path; null for what came to nothing. */
    early?: Map<string, Promise<unknown>>;
  }
}

/** What was true when the page began is soon no longer; milliseconds. */
const FRESH_MS = 10_000;

/** The good answer to what was asked before the scripts were here, or null; each is given out once. */
export async function askedEarly(path: string): Promise<unknown> {
  const asked = window.early?.get(path);
  if (!asked) return null;
  window.early?.delete(path);
  return performance.now() > FRESH_MS ? null : await asked;
}

/** The conversation that was asked for early, once its answer is here and good. */
export async function conversationAskedEarly(): Promise<string | undefined> {
  for (const [path, asked] of window.early ?? []) {
    const id = /^\/api\/conversations\/([^/?]+)$/.exec(path)?.[1];
    if (id && (await asked) !== null) return id;
  }
  return undefined;
}
