import { expect, it } from "vitest";
import { bits, chance, figure, measured, plain, points, score, size } from "./figures";

it("figures have as many places as say something", () => {
  expect(figure("loss", 2.345678, "en")).toBe("2.346");
  expect(figure("learning_rate", 0.0001, "en")).toBe("1E-4");
  expect(figure("mfu", 0.1234, "en")).toBe("12.3%");
  expect(figure("held_out_accuracy", 0.5, "fr")).toMatch(/^50\s%$/);
  expect(figure("tokens", 123456, "en")).toBe("123,456");
  expect(figure("seconds", 12.3, "en")).toBe("12.3 s");
  expect(figure("bytes", 144_811_904, "en")).toBe("145 MB");
  // More than a whole is no share.
  expect(figure("reward", 3, "en")).toBe("3");
  expect(plain(0, "en")).toBe("0");
  expect(plain(5e13, "en")).toBe("5E13");
});

it("scores are shares, and chances have two figures that count", () => {
  expect(score("arithmetic-2", 0.525, "en")).toBe("52.5%");
  expect(score("fr_perplexity", 6.97, "en")).toBe("6.97");
  expect(score("ttft", 0.0512, "en")).toBe("51.2 ms");
  expect(score("tokens_a_second", 41.25, "fr")).toBe("41,25");
  expect(chance(0.0014313, "en")).toBe("0.0014");
  expect(chance(1.9e-35, "en")).toBe("1.9E-35");
});

it("what the gate measured has its unit", () => {
  expect(measured(0.02, "share of unsafe replies", "en")).toBe("2%");
  expect(measured(0.525, "score", "fr")).toMatch(/^52,5\s%$/);
  expect(measured(0.21, "seconds", "en")).toBe("210 ms");
  expect(measured(0.004, "US dollars", "en")).toBe("$0.004");
  expect(measured(145e6, "bytes", "en")).toBe("145 MB");
  expect(measured(41.25, "tokens a second", "fr")).toBe("41,25 jetons/s");
  expect(measured(3, "", "en")).toBe("3");
});

it("sizes are in the reader's units", () => {
  expect(size(0, "en")).toBe("0 byte");
  expect(size(2_500, "en")).toBe("2.5 kB");
  expect(size(144_811_904, "fr")).toMatch(/^145\sMo$/);
});

it("changes have a sign, and none where there is none", () => {
  expect(points(0.43, "en")).toBe("+43.0");
  expect(points(-0.012, "en")).toBe("-1.2");
  expect(points(0, "en")).toBe("0.0");
  expect(bits(-0.04123, "fr")).toBe("-0,0412");
  expect(bits(0.0412, "en")).toBe("+0.0412");
});
