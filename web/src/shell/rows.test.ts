import { expect, test } from "vitest";
import type { Conversation, Project } from "~/api/types";
import { between, offsetsOf, rowsOf } from "./rows";

const labels = { pinned: "Pinned", projects: "Projects" };
const talk = (id: string) => ({ id }) as Conversation;
const kitchen = { id: "kitchen", name: "Kitchen" } as Project;

test("what is pinned comes first, then the projects, then the rest by date", () => {
  const rows = rowsOf(
    {
      pinned: [talk("a")],
      projects: [
        { project: kitchen, open: true, few: [talk("a"), talk("b")], more: true },
        { project: { ...kitchen, id: "garden" }, open: false, few: [talk("c")], more: true },
      ],
      dated: [{ key: "today", label: "Today", items: [talk("d")] }],
      more: true,
    },
    labels,
  );
  expect(rows.map(({ key }) => key)).toEqual([
    "pinned",
    "pinned a",
    "projects",
    "kitchen",
    "kitchen a",
    "kitchen b",
    "kitchen all",
    "garden",
    "today",
    "d",
    "more",
  ]);
});

test("of ten thousand rows only those in sight are drawn, wherever one is", () => {
  const items = Array.from({ length: 10_000 }, (_, index) => talk(String(index)));
  const rows = rowsOf(
    { pinned: [], projects: [], dated: [{ key: "today", label: "Today", items }], more: false },
    labels,
  );
  const offsets = offsetsOf(rows, 36, 40);
  expect(offsets.at(-1)).toBe(2 * 40 + 10_000 * 36);
  for (const top of [0, 39, 40, 180_000, (offsets.at(-1) ?? 0) - 800]) {
    const [first, behind] = between(offsets, top, top + 800, 4);
    expect(behind - first).toBeLessThan(36);
    expect(offsets[first]).toBeLessThanOrEqual(top);
    expect(offsets[behind]).toBeGreaterThanOrEqual(top + 800);
  }
  expect(between([0], 0, 800, 4)).toEqual([0, 0]);
});
