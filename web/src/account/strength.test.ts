import { describe, expect, it } from "vitest";
import { strength } from "./strength";

describe("the strength of a password", () => {
  it.each([
    ["short1!", "short"],
    ["aaaaaaaaaaaa", "weak"],
    ["1234567890", "weak"],
    ["abcdefghijkl", "weak"],
    ["correct horse battery staple", "strong"],
    ["Tr0ub4dor&3x", "good"],
  ] as const)("of %j is %s", (password, expected) => {
    expect(strength(password)).toBe(expected);
  });

  it("does not count what everybody knows of its owner", () => {
    expect(strength("camille.dupont", ["Camille", "Dupont"])).toBe("weak");
  });

  it("grows with length", () => {
    const order = ["short", "weak", "fair", "good", "strong"];
    let before = 0;
    for (let length = 1; length <= 40; length += 1) {
      const rank = order.indexOf(strength("qxvzjkwpbm-hgfyrtd.uconeislaQXVZJKWPBMHG".slice(0, length)));
      expect(rank).toBeGreaterThanOrEqual(before);
      before = rank;
    }
  });
});
