let last: string | null = null;

/** The conversation that was last on the page, so that whoever leaves for the settings comes back to it. */
export const place = {
  note(conversation: string | null): void {
    last = conversation;
  },
  last: (): string | null => last,
};
