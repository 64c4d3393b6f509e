import { describe, expect, it } from "vitest";
import { en as doorInEnglish } from "~/account/words/en";
import { fr as doorInFrench } from "~/account/words/fr";
import { en as wheelInEnglish } from "~/lab/flywheel/words/en";
import { fr as wheelInFrench } from "~/lab/flywheel/words/fr";
import { en as labInEnglish } from "~/lab/words/en";
import { fr as labInFrench } from "~/lab/words/fr";
import { en as settingsInEnglish } from "~/settings/words/en";
import { fr as settingsInFrench } from "~/settings/words/fr";
import { en as mainInEnglish } from "./en";
import { fr as mainInFrench } from "./fr";
import { spaced, typeset } from "./typography";

const en = {
  main: mainInEnglish,
  door: doorInEnglish,
  settings: settingsInEnglish,
  lab: labInEnglish,
  wheel: wheelInEnglish,
};
const fr = {
  main: mainInFrench,
  door: doorInFrench,
  settings: settingsInFrench,
  lab: labInFrench,
  wheel: wheelInFrench,
};

function phrases(words: unknown): string[] {
  if (typeof words === "string") return [words];
  if (typeof words === "function") return [words("x", "y", "z")];
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

  it("curls apostrophes between letters, and leaves other quotes alone", () => {
    expect(spaced("l'eau d'Été, 'ainsi' 5' x = 'y'")).toBe("l’eau d’Été, 'ainsi' 5' x = 'y'");
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
