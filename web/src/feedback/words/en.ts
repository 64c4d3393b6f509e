/** What is said of ratings, and of learning from them, in English. `fr.ts` has the same shape. */
export const en = {
  up: "Good reply",
  down: "Bad reply",
  better: "Better than the original",
  failed: "Your opinion could not be saved. Try again.",
  why: { up: "What was good about it?", down: "What was wrong with it?" },
  reasons: {
    accurate: "Correct",
    clear: "Clear",
    complete: "Complete",
    inaccurate: "Not correct",
    unclear: "Hard to follow",
    incomplete: "Something is missing",
    instructions: { up: "Does what I asked", down: "Not what I asked" },
    tone: { up: "The right tone", down: "The wrong tone" },
    unsafe: "Unsafe or hurtful",
  },
  comment: "In your words",
  send: "Send",
  close: "Close",
  thanks: "Thank you. It is noted.",
  learning: {
    title: "Learning from your feedback",
    question: "May models learn from your feedback?",
    words:
      "What you rate, compare and correct, with the messages that lead to it, is then used to improve the models of this Causette. It applies to what you have already said as well. You can take it back at any time in Settings, under “Your data”.",
    yes: "Yes, use it",
    no: "No",
    label: "Use my feedback to improve models",
    since: (day: string) => `On since ${day}.`,
  },
};
