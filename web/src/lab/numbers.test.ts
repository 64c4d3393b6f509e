import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { boundRules, type NumberRule, turnRules, typedNumber, typedNumbers, usualTexts } from "./numbers";

interface Schema {
  default?: unknown;
  type?: string;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
}

const api = JSON.parse(readFileSync(join(__dirname, "..", "..", "openapi.json"), "utf8"));
const properties = (name: string): Record<string, Schema> => api.components.schemas[name].properties;

describe("the rules of a form", () => {
  const all: [string, Record<string, NumberRule>][] = [
    ["TurnBody", turnRules],
    ["BoundsBody", boundRules],
  ];
  for (const [body, rules] of all)
    for (const [name, rule] of Object.entries(rules))
      it(`${body}.${name} is as the server has it`, () => {
        const field = properties(body)[name];
        expect(rule).toEqual({
          usual: field?.default,
          low: field?.exclusiveMinimum ?? field?.minimum,
          high: field?.maximum,
          ...(field?.type === "integer" ? { whole: true } : {}),
          ...(field?.exclusiveMinimum === undefined ? {} : { above: true }),
        });
      });
});

describe("a number that was typed", () => {
  it("has a point or a comma", () => {
    expect(typedNumber(" 1,5 ", boundRules.slower)).toBe(1.5);
    expect(typedNumber("2e-5", turnRules.learning_rate)).toBe(2e-5);
  });

  it("is none outside what the field takes", () => {
    for (const text of ["", "x", "0", "2.5", "1000001", "Infinity"])
      expect(typedNumber(text, turnRules.least)).toBeNull();
    expect(typedNumber("0", turnRules.learning_rate)).toBeNull();
    expect(typedNumber("0", boundRules.minutes)).toBe(0);
  });

  it("is one of a form that is all right or not", () => {
    const texts = usualTexts(boundRules);
    expect(texts).toEqual({ slower: "1.25", requests: "50", minutes: "60" });
    expect(typedNumbers(texts, boundRules)).toEqual({ slower: 1.25, requests: 50, minutes: 60 });
    expect(typedNumbers({ ...texts, requests: "a few" }, boundRules)).toBeNull();
  });
});
