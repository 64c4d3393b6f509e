/** What is said in the find bar. `fr.ts` has the same shape. */
export const en = {
  label: "Find in this conversation",
  placeholder: "Find in this conversation",
  of: (place: string, total: string) => `${place} of ${total}`,
  looking: "Looking…",
  nothing: "Nothing found",
  failed: "Could not look",
  again: "Try again",
  offline: "No connection",
  previous: "Previous",
  next: "Next",
  close: "Close",
};
