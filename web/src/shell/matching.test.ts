import { describe, expect, it } from "vitest";
import { fold, score } from "./matching";

describe("finding titles", () => {
  it("minds neither case nor accents", () => {
    expect(score(fold("Été à Nîmes"), fold("nimes"))).toBeGreaterThan(0);
    expect(fold("  Œuvre  d’Élise ")).toBe("œuvre d’elise");
  });

  it("wants every word", () => {
    expect(score("bread and butter", "butter bread")).toBeGreaterThan(0);
    expect(score("bread and butter", "butter jam")).toBe(0);
  });

  it("prefers the beginning, then the beginnings of words", () => {
    const start = score("plan of the trip", "plan");
    const word = score("the trip plan", "plan");
    const inside = score("aeroplanes", "plan");
    expect(start).toBeGreaterThan(word);
    expect(word).toBeGreaterThan(inside);
  });

  it("takes every character as itself", () => {
    expect(score("what is c++ (and why)", "c++ (and")).toBeGreaterThan(0);
  });
});
