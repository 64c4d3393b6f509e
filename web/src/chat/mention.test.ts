import { expect, test } from "vitest";
import { typedAt, withoutTyped } from "./mention";

const typed = (text: string) => typedAt(text, text.length);

test("a mention begins a word, and ends at the caret", () => {
  expect(typed("@")).toEqual({ at: 0, text: "" });
  expect(typed("Dear @ché")).toEqual({ at: 5, text: "ché" });
  expect(typed("one\n(@x")).toEqual({ at: 5, text: "x" });
  expect(typedAt("@chef, please", 3)).toEqual({ at: 0, text: "ch" });
});

test("an address is no mention, nor is what has an end", () => {
  expect(typed("me@example.org")).toBeNull();
  expect(typed("@chef ")).toBeNull();
  expect(typed("@@")).toBeNull();
  expect(typed("none")).toBeNull();
});

test("what was typed of it is taken out of the text", () => {
  const text = "Dear @ch and others";
  expect(withoutTyped(text, { at: 5, text: "ch" })).toEqual({ text: "Dear and others", caret: 5 });
  expect(withoutTyped("@", { at: 0, text: "" })).toEqual({ text: "", caret: 0 });
  expect(withoutTyped("(@x)", { at: 1, text: "x" })).toEqual({ text: "()", caret: 1 });
});
