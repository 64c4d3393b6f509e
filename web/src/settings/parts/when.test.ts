import { describe, expect, it } from "vitest";
import { ago, day } from "./when";

const now = Date.parse("2026-11-22T12:00:00Z");

describe("how long ago something was", () => {
  it("is said in the largest unit that is full", () => {
    expect(ago("2026-11-22T11:59:30Z", now, "en")).toBe("now");
    expect(ago("2026-11-22T11:55:00Z", now, "en")).toBe("5 minutes ago");
    expect(ago("2026-11-21T11:00:00Z", now, "en")).toBe("yesterday");
    expect(ago("2026-11-01T12:00:00Z", now, "en")).toBe("3 weeks ago");
    expect(ago("2024-11-01T12:00:00Z", now, "en")).toBe("2 years ago");
  });

  it("is never in the future, even where two clocks differ", () => {
    expect(ago("2026-11-22T12:05:00Z", now, "en")).toBe("now");
  });

  it("is said in the reader's language", () => {
    expect(ago("2026-11-21T11:00:00Z", now, "fr")).toBe("hier");
  });
});

it("a day is written out", () => {
  expect(day("2026-11-22T12:00:00Z", "en")).toBe("22 November 2026");
  expect(day("2026-11-22T12:00:00Z", "fr")).toBe("22 novembre 2026");
});
