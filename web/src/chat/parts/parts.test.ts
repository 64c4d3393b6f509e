import { expect, test } from "vitest";
import { lengthOf, type Part, type PartEvent, segments, withEvent } from "./parts";

const began_at = "2026-01-01T00:00:00+00:00";
const step = {
  v: 1,
  type: "step",
  id: "step_1",
  round: 0,
  name: "add",
  title: "Adder",
  arguments: {},
  began_at,
} as const;

function fold(...events: [PartEvent, number][]): readonly Part[] {
  return events.reduce<readonly Part[]>((parts, [event, at]) => withEvent(parts, event, at), []);
}

test("thinking grows until it is over, and then begins anew", () => {
  const parts = fold(
    [{ type: "thinking", v: 1, text: "Hm, ", began_at }, 0],
    [{ type: "thinking", v: 1, text: "four" }, 0],
    [{ type: "thinking", v: 1, seconds: 2 }, 0],
    [{ type: "thinking", v: 1, text: "More", began_at }, 5],
  );
  expect(parts).toEqual([
    { type: "thinking", at: 0, began_at, text: "Hm, four", seconds: 2 },
    { type: "thinking", at: 5, began_at, text: "More", seconds: null },
  ]);
});

test("a step changes in place", () => {
  const parts = fold(
    [{ ...step, status: "running" }, 3],
    [{ type: "step", v: 1, id: "step_1", status: "done", summary: "5" }, 9],
  );
  expect(parts).toMatchObject([{ type: "tool", at: 3, status: "done", summary: "5", title: "Adder" }]);
});

test("events of other versions, and changes of unknown steps, change nothing", () => {
  expect(fold([{ type: "vote", v: 2, samples: 3 }, 0])).toEqual([]);
  expect(fold([{ type: "step", v: 1, id: "step_2", status: "done" }, 0])).toEqual([]);
});

test("a text is cut at its parts, in whole characters", () => {
  const vote = (at: number): Part => ({ type: "vote", at, samples: 2 });
  expect(segments("🙂é tail", [vote(0), vote(2), vote(2)])).toMatchObject([
    { parts: [vote(0)], text: "🙂é" },
    { parts: [vote(2), vote(2)], text: " tail" },
  ]);
  expect(segments("ab", [vote(5)])).toMatchObject([{ parts: [], text: "ab" }]);
  expect(lengthOf("🙂é")).toBe(2);
});
