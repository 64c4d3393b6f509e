import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, it, vi } from "vitest";

vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
Element.prototype.scrollIntoView = () => undefined;
const { Reading } = await import("./Reading");
// They are fetched when they are wanted: here they are at hand.
await Promise.all([import("./Quoted"), import("~/knowledge/Markers")]);

const source = { title: "minutes.pdf", headings: [], place: { kind: "page" as const, name: "3" } };
const said = { model: null, parts: null, assistant: null, created_at: "2026-11-30T00:00:00Z" };

it("opens the passage that a marker names, shows pictures, and names other files and assistants", async () => {
  const place = document.body.appendChild(document.createElement("div"));
  await act(async () =>
    createRoot(place).render(
      <Reading
        messages={[
          {
            ...said,
            assistant: "Harbour master",
            role: "user",
            content: "Who repaired it?",
            sources: [],
            files: [
              { name: "crane.png", kind: "image", size: 9, picture: "/api/shared/t/pictures/1" },
              { name: "plan.md", kind: "markdown", size: 9, picture: null },
            ],
          },
          {
            ...said,
            role: "assistant",
            content: "The port did [1], not [7].",
            sources: [{ ...source, n: 1, text: "The port repaired the crane." }],
            files: [],
            pages: [{ url: "https://example.org/crane", title: "The western crane" }],
          },
        ]}
      />,
    ),
  );
  await vi.waitFor(async () => {
    await act(async () => {});
    expect(place.querySelector(".cite")).not.toBeNull();
  });
  expect(place.querySelector("img")?.getAttribute("src")).toBe("/api/shared/t/pictures/1");
  expect(place.querySelector('[data-role="user"]')?.textContent).toContain("plan.md");
  expect(place.querySelector('[data-role="user"]')?.textContent).toContain("Harbour master");
  expect(place.querySelector('a[href="https://example.org/crane"]')?.textContent).toContain(
    "The western crane",
  );
  const passage = place.querySelector("details");
  expect(passage?.open).toBe(false);
  await act(async () => place.querySelector<HTMLElement>(".cite")?.click());
  expect(passage?.open).toBe(true);
  expect(passage?.querySelector("blockquote")?.textContent).toBe("The port repaired the crane.");
});
