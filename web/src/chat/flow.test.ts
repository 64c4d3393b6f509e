import { describe, expect, it } from "vitest";
import { Flow } from "./flow";

const FRAME = 1000 / 60;

describe("the flow of a streamed text", () => {
  it("shows a burst evenly and soon", () => {
    const flow = new Flow();
    const text = "x".repeat(100);
    const steps: number[] = [];
    let before = 0;
    let frames = 0;
    while (flow.advance(text, FRAME)) {
      steps.push(flow.shown - before);
      before = flow.shown;
      frames += 1;
    }
    expect(flow.shown).toBe(100);
    expect(Math.max(...steps)).toBeLessThanOrEqual(8);
    expect(frames * FRAME).toBeLessThan(1500);
  });

  it("never falls further behind than a burst or so under steady supply", () => {
    const flow = new Flow();
    let text = "";
    for (let frame = 0; frame < 600; frame += 1) {
      if (frame % 12 === 0) text += "y".repeat(40);
      flow.advance(text, FRAME);
      expect(text.length - flow.shown).toBeLessThanOrEqual(100);
    }
  });

  it("never goes back, and never cuts a surrogate pair", () => {
    const flow = new Flow();
    const text = "🙂".repeat(40);
    let before = 0;
    for (let more = true; more; ) {
      more = flow.advance(text, 3);
      expect(flow.shown).toBeGreaterThanOrEqual(before);
      expect(text.slice(0, flow.shown)).not.toMatch(/[\ud800-\udbff]$/);
      before = flow.shown;
    }
    expect(flow.shown).toBe(text.length);
  });

  it("shows at once what was there before", () => {
    const flow = new Flow();
    flow.skip(50);
    expect(flow.shown).toBe(50);
    flow.skip(10);
    expect(flow.shown).toBe(50);
  });
});
