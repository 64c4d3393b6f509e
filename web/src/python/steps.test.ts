import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
const { told } = await import("./steps");

const folder = { files: [], large: [], lost: [] };
const session = { status: "done", output: [], error: "", folder, files: [], left: [], seconds: 1 } as const;
const bytes = new Uint8Array(3);

describe("what a model is told of a run", () => {
  it("is what was printed, what went wrong and which files there are", () => {
    const output = [
      { stream: "out", text: "5\n" },
      { stream: "err", text: "hm\n" },
    ] as const;
    expect(told({ ...session, output, error: "ValueError: x", files: [{ name: "a.svg", bytes }] })).toBe(
      "5\nhm\nValueError: x\nFiles shown to the reader: a.svg (3 bytes)",
    );
  });

  it("says which files the code could not have", () => {
    const short = { files: [], large: ["all.csv"], lost: ["gone.csv"] };
    expect(told({ ...session, folder: short })).toBe(
      "Too large for the working folder: all.csv\nFiles that could not be fetched: gone.csv",
    );
    expect(told({ ...session, folder: { ...folder, lost: null } })).toBe(
      "The conversation's files could not be fetched.",
    );
  });

  it.each([
    ["done", "It printed nothing."],
    ["stopped", "The reader stopped it."],
    ["late", "It was stopped after 60 seconds."],
  ] as const)("is never nothing: %s", (status, text) => {
    expect(told({ ...session, status })).toBe(text);
  });

  it("is its beginning and its end when it is long", () => {
    const text = told({ ...session, output: [{ stream: "out", text: `begin${"x".repeat(90_000)}end` }] });
    expect(text.length).toBeLessThan(21_000);
    expect(text.startsWith("begin")).toBe(true);
    expect(text.endsWith("end")).toBe(true);
  });
});
