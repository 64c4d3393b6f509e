import { describe, expect, it } from "vitest";
import { en } from "./en";
import { fr } from "./fr";
import { spaced, typeset } from "./typography";

function phrases(words: unknown): string[] {
  if (typeof words === "string") return [words];
  if (typeof words === "function") return [words("x", "y")];
  return Object.values(words as object).flatMap(phrases);
}

function shape(words: unknown): unknown {
  if (typeof words !== "object" || words === null) return typeof words;
  return Object.fromEntries(Object.entries(words).map(([key, value]) => [key, shape(value)]));
}

describe("French typography", () => {
  it("puts narrow no-break spaces before ; ! ? and inside guillemets", () => {
    expect(spaced("Ah ? Oui ; « bon » !")).toBe("Ah\u202f? Oui\u202f; «\u202fbon\u202f»\u202f!");
  });

  it("puts a no-break space before a colon", () => {
    expect(spaced("Modèle : petit")).toBe("Modèle\u00a0: petit");
  });

  it("leaves no breakable space before double punctuation in anything the app says", () => {
    for (const phrase of phrases(typeset(fr))) expect(phrase).not.toMatch(/ [;:!?»]|« /);
  });

  it("uses typographic apostrophes", () => {
    for (const phrase of phrases(fr)) expect(phrase).not.toContain("'");
  });
});

describe("the two dictionaries", () => {
  it("have the same shape", () => {
    expect(shape(fr)).toEqual(shape(en));
  });

  it("never raise their voice", () => {
    for (const phrase of [...phrases(en), ...phrases(fr)]) expect(phrase).not.toContain("!");
  });
});
