import { describe, expect, it } from "vitest";
import { chartsOf, joined, nearest, scaleOf, some, stepsOf, valueAt } from "./curves";

const loss = (...points: [number, number][]) => ({ name: "loss", points });

describe("what a run tells", () => {
  it("goes on where it was", () => {
    const before = { curves: [loss([1, 3], [2, 2])], notes: [{ at: "a", text: "One" }], next: 3 };
    const more = {
      curves: [loss([3, 1]), { name: "reward", points: [[3, 0.5]] as [number, number][] }],
      notes: [],
      next: 4,
    };
    expect(joined(before, more)).toEqual({
      curves: [loss([1, 3], [2, 2], [3, 1]), { name: "reward", points: [[3, 0.5]] }],
      notes: [{ at: "a", text: "One" }],
      next: 4,
    });
  });

  it("is told anew from the step at which it was resumed", () => {
    const before = { curves: [loss([1, 3], [2, 2], [3, 9])], notes: [], next: 3 };
    const more = { curves: [loss([2, 1.5], [3, 1])], notes: [], next: 5 };
    expect(joined(before, more).curves).toEqual([loss([1, 3], [2, 1.5], [3, 1])]);
  });
});

describe("charts", () => {
  it("show figures of one unit together, those of several runs over each other, and the others apart", () => {
    const norm = { name: "gradient_norm", points: [[1, 4]] as [number, number][] };
    const held = { name: "held_out_loss", points: [[1, 5]] as [number, number][] };
    const { main, others } = chartsOf([
      { name: "a", curves: [norm, loss([1, 3]), held] },
      { name: "b", curves: [loss([1, 2])] },
    ]);
    expect(main.map(({ name, lines }) => [name, lines.map(({ run, figure }) => `${run} ${figure}`)])).toEqual(
      [["loss", ["a loss", "a held_out_loss", "b loss"]]],
    );
    expect(others.map(({ name }) => name)).toEqual(["gradient_norm"]);
  });

  it("leave out what was never told", () => {
    expect(chartsOf([{ name: "a", curves: [] }])).toEqual({ main: [], others: [] });
  });
});

describe("a scale", () => {
  it("has round marks around the values", () => {
    const { marks, at } = scaleOf([2.13, 3.87], false);
    expect(marks).toEqual([2, 2.5, 3, 3.5, 4]);
    expect(at(2)).toBe(0);
    expect(at(4)).toBe(1);
  });

  it("begins at nothing where the least is nearly that", () => {
    expect(scaleOf([0.3, 10], false).marks[0]).toBe(0);
  });

  it("has room for a line that is flat", () => {
    const { at } = scaleOf([5, 5], false);
    expect(at(5)).toBeGreaterThan(0);
    expect(at(5)).toBeLessThan(1);
  });

  it("counts by tens where it is logarithmic, and leaves out what has no logarithm", () => {
    const { marks, at } = scaleOf([0, 0.001, 1], true);
    expect(marks).toEqual([0.001, 0.01, 0.1, 1]);
    expect(at(0.001)).toBe(0);
    expect(at(1)).toBe(1);
  });

  it("has marks where all is within one decade", () => {
    expect(scaleOf([1.5, 6], true).marks).toEqual([2, 5]);
    expect(scaleOf([2.1, 2.4], true).marks).toEqual([2.1, 2.4]);
  });

  it("is one even of nothing", () => {
    expect(scaleOf([], false).marks.length).toBeGreaterThan(1);
    expect(scaleOf([Number.NaN], true).marks.length).toBeGreaterThan(1);
  });
});

describe("reading a chart", () => {
  const lines = [
    {
      run: "a",
      place: 0,
      figure: "loss",
      points: [
        [1, 3],
        [3, 1],
      ] as const,
    },
    { run: "a", place: 0, figure: "held_out_loss", points: [[2, 4]] as const },
  ];

  it("goes through the steps of all its lines", () => {
    expect(stepsOf(lines)).toEqual([1, 2, 3]);
    expect(nearest([1, 2, 30], 17)).toBe(2);
    expect(nearest([1, 2, 30], 15)).toBe(1);
  });

  it("says what a line said last", () => {
    const points = [
      [1, 3],
      [3, 1],
    ] as const;
    expect(valueAt({ points }, 0)).toBeNull();
    expect(valueAt({ points }, 2)).toBe(3);
    expect(valueAt({ points }, 3)).toBe(1);
  });

  it("keeps the ends of a long table", () => {
    const steps = Array.from({ length: 100 }, (_, place) => place);
    expect(some(steps, 5)).toEqual([0, 25, 50, 74, 99]);
    expect(some([1, 2], 5)).toEqual([1, 2]);
  });
});
