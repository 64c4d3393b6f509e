import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, it, vi } from "vitest";
import type { Part } from "~/chat/parts/parts";

vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
const { Markdown } = await import("~/markdown/Markdown");
const { WithSources } = await import("./Sources");
const { withHeadings } = await import("./DocumentPanel");
// They are fetched when they are wanted: here they are at hand.
await Promise.all([import("./Chips"), import("./Markers")]);

const passage = { file_id: "file_1", passage: 4, start: 0, end: 9 };
const given: Part[] = [
  {
    type: "sources",
    at: 0,
    items: [
      { ...passage, n: 1, title: "handbook.md", headings: ["Handbook", "Cranes"] },
      { ...passage, n: 2, title: "minutes.pdf", place: { kind: "page", name: "3" } },
    ],
  },
];

async function shown(text: string): Promise<HTMLElement> {
  const place = document.createElement("div");
  await act(async () =>
    createRoot(place).render(
      <WithSources parts={given} text={text} done conversation="conv_1">
        <Markdown text={text} writing={false} />
      </WithSources>,
    ),
  );
  await vi.waitFor(async () => {
    await act(async () => {});
    expect(place.querySelector("[data-sources]")).not.toBeNull();
  });
  return place;
}

const labels = (place: HTMLElement, which: string) =>
  [...place.querySelectorAll(which)].map((button) => button.getAttribute("aria-label"));

it("opens what a marker names, leaves other brackets alone, and lists what was cited", async () => {
  const place = await shown("They repaired it [2], not [7] nor [8, 9].");
  expect(labels(place, ".cite")).toEqual(["Source 2: minutes.pdf, page 3. Open"]);
  expect(place.querySelector("p")?.textContent).toBe("They repaired it 2, not [7] nor [8, 9].");
  expect(labels(place, "[data-sources] button")).toEqual(["Source 2: minutes.pdf, page 3. Open"]);
});

it("lists all that a reply was given when it cites nothing", async () => {
  const place = await shown("They repaired it.");
  expect(labels(place, "[data-sources] button")).toEqual([
    "Source 1: handbook.md, Cranes. Open",
    "Source 2: minutes.pdf, page 3. Open",
  ]);
});

it("shows the headings that a passage stands under as such, and leaves what only looks like one", async () => {
  const place = document.createElement("div");
  const text = "# Handbook\n\n## Cranes\n\nRepaired in March.\n\n# apt install crane\n";
  await act(async () => createRoot(place).render(withHeadings(text, ["Handbook", "Cranes"])));
  expect([...place.querySelectorAll("strong")].map((heading) => heading.textContent)).toEqual([
    "Handbook",
    "Cranes",
  ]);
  expect(place.textContent).toBe("HandbookCranesRepaired in March.\n\n# apt install crane");
});
