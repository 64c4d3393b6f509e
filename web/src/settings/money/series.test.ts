import { describe, expect, it } from "vitest";
import type { UsageRow } from "~/api/money";
import { beginning, chartOf, OTHERS, top } from "./series";

const row = (start: string, group: string | null, requests: number) =>
  ({ start, group, requests }) as UsageRow;
const requests = ({ requests }: UsageRow) => requests;
const day = (text: string) => new Date(`${text}T00:00:00Z`);

describe("a chart", () => {
  it("has a place for each day, those with nothing too", () => {
    const chart = chartOf(
      [row("2026-03-10T00:00:00Z", "a", 3), row("2026-03-12T00:00:00Z", "a", 4)],
      requests,
      day("2026-03-09"),
      new Date("2026-03-12T15:00:00Z"),
      "day",
    );
    expect(chart.starts).toHaveLength(4);
    expect(chart.totals).toEqual([0, 3, 0, 4]);
    expect(chart.total).toBe(7);
  });

  it("shows the largest groups first and the small ones together", () => {
    const rows = ["a", "b", "c", "d", "e", "f"].map((group, index) =>
      row("2026-03-10T00:00:00Z", group, index + 1),
    );
    const { series } = chartOf(rows, requests, day("2026-03-10"), day("2026-03-11"), "day");
    expect(series.map(({ group, total }) => [group, total])).toEqual([
      ["f", 6],
      ["e", 5],
      ["d", 4],
      ["c", 3],
      [OTHERS, 3],
    ]);
  });

  it("counts months as long as they are", () => {
    const { starts } = chartOf([], requests, day("2025-12-15"), day("2026-03-02"), "month");
    expect(starts.map((start) => start.toISOString().slice(0, 7))).toEqual([
      "2025-12",
      "2026-01",
      "2026-02",
      "2026-03",
    ]);
  });
});

it("a stretch begins in UTC", () => {
  const instant = new Date("2026-03-10T14:35:00Z");
  expect(beginning(instant, "hour").toISOString()).toBe("2026-03-10T14:00:00.000Z");
  expect(beginning(instant, "day").toISOString()).toBe("2026-03-10T00:00:00.000Z");
  expect(beginning(instant, "month").toISOString()).toBe("2026-03-01T00:00:00.000Z");
});

it("the top of an axis is round and not too far", () => {
  expect([0, 1, 3, 7, 12, 45, 101, 0.03].map(top)).toEqual([1, 1, 4, 10, 20, 50, 200, 0.04]);
});
