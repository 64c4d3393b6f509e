import { expect, test } from "vitest";
import { belongs, placed, without } from "./lists";
import type { Conversation } from "./types";

function conversation(id: string, minute: number, more: Partial<Conversation> = {}): Conversation {
  return {
    id,
    title: id,
    model: "m",
    created_at: "2026-01-01T00:00:00Z",
    updated_at: `2026-01-01T00:${String(minute).padStart(2, "0")}:00Z`,
    current_message_id: null,
    active_generation_id: null,
    project_id: null,
    pinned: false,
    archived: false,
    temporary: false,
    ...more,
  };
}

const all = ["conversations", "all", null];
const recent = ["conversations", "recent", null];
const pinned = ["conversations", "pinned", null];
const archived = ["conversations", "archived", null];
const kitchen = ["conversations", "all", "kitchen"];

function list(next: string | null, ...pages: Conversation[][]) {
  return {
    pages: pages.map((items, index) => ({ items, next: index < pages.length - 1 ? "more" : next })),
    pageParams: pages.map(() => null),
  };
}

const ids = (data: { pages: { items: Conversation[] }[] }) =>
  data.pages.map((page) => page.items.map(({ id }) => id));

test("each list has what belongs there", () => {
  const cases: [Partial<Conversation>, unknown[][]][] = [
    [{}, [all, recent]],
    [{ pinned: true }, [all, pinned]],
    [{ project_id: "kitchen" }, [all, kitchen]],
    [{ project_id: "kitchen", pinned: true }, [all, pinned, kitchen]],
    [{ archived: true, pinned: true, project_id: "kitchen" }, [archived]],
    [{ temporary: true }, []],
  ];
  for (const [what, where] of cases)
    expect(
      [all, recent, pinned, archived, kitchen].filter((key) => belongs(key, conversation("a", 1, what))),
    ).toEqual(where);
});

test("what was active last is first, across pages", () => {
  const data = list(null, [conversation("a", 9), conversation("b", 7)], [conversation("c", 5)]);
  expect(ids(placed(all, data, conversation("c", 10)))).toEqual([["c", "a", "b"], []]);
  expect(ids(placed(all, data, conversation("d", 6)))).toEqual([
    ["a", "b"],
    ["d", "c"],
  ]);
  expect(ids(placed(all, data, conversation("d", 1)))).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
});

test("what belongs behind the pages that are known is left to the next one", () => {
  const data = list("more", [conversation("a", 9)]);
  expect(ids(placed(all, data, conversation("d", 1)))).toEqual([["a"]]);
});

test("pinned ones keep their order, and new ones come first", () => {
  const data = list(null, [conversation("a", 1, { pinned: true }), conversation("b", 9, { pinned: true })]);
  expect(ids(placed(pinned, data, conversation("b", 10, { pinned: true })))).toEqual([["a", "b"]]);
  expect(ids(placed(pinned, data, conversation("c", 0, { pinned: true })))).toEqual([["c", "a", "b"]]);
  expect(ids(placed(pinned, data, conversation("a", 1)))).toEqual([["b"]]);
});

test("taking out what is not there changes nothing", () => {
  const data = list(null, [conversation("a", 1)]);
  expect(without(data, "b")).toBe(data);
});
