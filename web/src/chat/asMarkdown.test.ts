import { expect, test } from "vitest";
import type { Message } from "~/api/types";
import { branchAsMarkdown, quotation } from "./asMarkdown";

function message(role: "user" | "assistant", content: string): Message {
  return { role, content, model: role === "user" ? null : "small" } as Message;
}

const names = { you: "You", assistant: "Assistant" };

test("a branch is a document of who said what", () => {
  const branch = [
    message("user", "Soup?\n"),
    message("assistant", "Yes:\n\n- leek"),
    message("assistant", " "),
  ];
  expect(branchAsMarkdown(branch, names, "Soups")).toBe(
    "# Soups\n\n**You**\n\nSoup?\n\n---\n\n**Assistant (small)**\n\nYes:\n\n- leek\n",
  );
});

test("every line of a quotation is marked", () => {
  expect(quotation("\none\n\ntwo  \n")).toBe("> one\n>\n> two\n\n");
});
