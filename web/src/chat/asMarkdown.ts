import type { Message } from "~/api/types";

/** A branch as a Markdown document: who said what, under the conversation's title. */
export function branchAsMarkdown(
  branch: readonly Message[],
  names: { you: string; assistant: string },
  title?: string,
): string {
  const parts = branch
    .filter(({ content }) => content.trim() !== "")
    .map(({ role, content, model }) => {
      const who = role === "user" ? names.you : `${names.assistant}${model ? ` (${model})` : ""}`;
      return `**${who}**\n\n${content.trim()}`;
    });
  return `${title ? `# ${title}\n\n` : ""}${parts.join("\n\n---\n\n")}\n`;
}

/** A text as a quotation, with room for what is said to it. */
export function quotation(text: string): string {
  const lines = text
    .trim()
    .split("\n")
    .map((line) => (line.trim() === "" ? ">" : `> ${line.trimEnd()}`));
  return `${lines.join("\n")}\n\n`;
}
