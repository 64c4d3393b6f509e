import { QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import type { ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

vi.setConfig({ testTimeout: 20_000 });
vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
vi.stubGlobal("scrollTo", () => {});
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe() {}
    unobserve() {}
    disconnect() {}
  },
);
const { queries } = await import("~/api/queries");
const { Gallery } = await import("./Gallery");
const { Editor } = await import("./Editor");
const { Conversation } = await import("~/chat/Conversation");
const { AnsweringHeader } = await import("./Answering");
const { MemorySection } = await import("~/settings/personal/Memory");

const chef = {
  id: "asst_1",
  name: "Sous-chef",
  description: "Cooks.",
  emoji: null,
  colour: "green",
  picture_id: "pic_1",
  mine: true,
  owner_name: "Rose",
  sharing: "private",
  workspace_id: null,
  featured: false,
  used_at: null,
  instructions: "In grams.",
  starters: ["Leeks?"],
  tools: [],
  model: null,
  effort: null,
  version: 1,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
};
const memory = {
  id: "mem_1",
  text: "I keep bees.",
  origin: "noticed",
  conversation_id: "conv_1",
  conversation_title: "Bees",
  message_id: "msg_1",
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
};
const answers: [RegExp, unknown, number?][] = [
  [/assistants\?scope=mine/, { items: [chef], next: null }],
  [/assistants\?/, { items: [], next: null }],
  [/assistants\/asst_gone/, { detail: "gone", code: "not_found" }, 404],
  [/assistants\/asst_1/, chef],
  [/api\/subscription/, { features: ["files"] }],
  [/api\/memories/, { items: [memory], enabled: true, longest: 500, most: 500 }],
  [
    /api\/models/,
    {
      items: [
        {
          name: "m",
          title: "M",
          description: "",
          context: 2048,
          kind: "text",
          default: true,
          state: "ready",
          thinks: false,
        },
      ],
    },
  ],
  [/api\/tools/, { items: [], most_samples: 1 }],
  [/./, { items: [] }],
];

let place: HTMLElement;
let root: ReturnType<typeof createRoot>;

beforeEach(() => {
  vi.stubGlobal("fetch", async (path: string) => {
    const [, body, status = 200] = answers.find(([pattern]) => pattern.test(path)) ?? [/./, {}];
    return new Response(JSON.stringify(body), { status });
  });
  place = document.createElement("div");
  document.body.append(place);
  root = createRoot(place);
});
afterEach(() => {
  root.unmount();
  place.remove();
  queries.clear();
});

/** What a page shows when all that it asks for is there. */
async function shown(page: ReactNode, until: string): Promise<HTMLElement> {
  const only = createRootRoute();
  const here = createRoute({ getParentRoute: () => only, path: "/", component: () => page });
  const router = createRouter({ routeTree: only.addChildren([here]), history: createMemoryHistory() });
  root.render(
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  await vi.waitFor(() => expect(place.textContent).toContain(until), 15_000);
  return place;
}

it("the gallery lists what is one's own, and invites nobody who has some", async () => {
  const page = await shown(<Gallery />, "Sous-chef");
  expect(page.querySelector("img")?.getAttribute("src")).toBe("/api/assistants/asst_1/picture?v=pic_1");
  expect(page.textContent).toContain("Only you");
  expect(page.textContent).not.toContain("You have made none yet.");
});

it("the editor shows all that an assistant is made of, and waits for a change", async () => {
  const page = await shown(<Editor id="asst_1" />, "Edit the assistant");
  const values = [...page.querySelectorAll<HTMLInputElement>("input, textarea")].map(({ value }) => value);
  for (const value of ["Sous-chef", "Cooks.", "In grams.", "Leeks?"]) expect(values).toContain(value);
  expect(page.querySelector<HTMLButtonElement>("button[type=submit]")?.disabled).toBe(true);
});

it("a new one is created, and not tried before", async () => {
  const page = await shown(<Editor id="new" />, "Create the assistant");
  page.querySelector<HTMLButtonElement>("button[type=submit]")?.click();
  await vi.waitFor(() => expect(page.textContent).toContain("Give it a name."));
});

it("a conversation with one begins with what it offers, and tells the server whom it is with", async () => {
  const page = await shown(<Conversation id={null} assistant="asst_1" />, "Leeks?");
  const starter = [...page.querySelectorAll("button")].find(({ textContent }) => textContent === "Leeks?");
  starter?.click();
  const send = page.querySelector<HTMLButtonElement>("button[aria-label=Send]");
  await vi.waitFor(() => expect(send?.disabled).toBe(false));
  const sent = vi.fn(async (_: string, _init?: RequestInit) => new Response("{}", { status: 500 }));
  vi.stubGlobal("fetch", sent);
  send?.click();
  await vi.waitFor(() => {
    const asked = sent.mock.calls.find(([path]) => path === "/api/conversations");
    expect(JSON.parse(String(asked?.[1]?.body))).toMatchObject({
      content: "Leeks?",
      assistant_id: "asst_1",
    });
  });
});

it("over a conversation stands who answers", async () => {
  expect((await shown(<AnsweringHeader id="asst_1" />, "Sous-chef")).querySelector("a")).not.toBeNull();
});

it("over a conversation whose assistant is gone stands that it is", async () => {
  await shown(<AnsweringHeader id="asst_gone" />, "Replies go on without it.");
});

it("a memory says where it comes from", async () => {
  const page = await shown(<MemorySection />, "I keep bees.");
  expect(page.querySelector("li a")?.textContent).toBe("in “Bees”");
  expect(page.textContent).toContain("Noticed");
});
