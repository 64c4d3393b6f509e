const prefix = "causette.draft.";

/** Unsent words, kept in this browser for each conversation; `null` is the conversation not yet begun. */
export const drafts = {
  get(conversation: string | null): string {
    return localStorage.getItem(prefix + (conversation ?? "new")) ?? "";
  },
  set(conversation: string | null, text: string): void {
    if (text === "") localStorage.removeItem(prefix + (conversation ?? "new"));
    else localStorage.setItem(prefix + (conversation ?? "new"), text);
  },
  /** On signing out: the next reader of this browser may be somebody else. */
  clear(): void {
    for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key);
  },
};
