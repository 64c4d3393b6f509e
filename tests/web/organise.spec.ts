import type { Locator, Page } from "@playwright/test";
import { expect, phone, signIn, somebody, test } from "./causette";

/** Begins a conversation without looking at it, and stops its reply; its id. */
async function begun(page: Page, content: string, more: object = {}): Promise<string> {
  const answer = await page.request.post("/api/conversations", { data: { content, ...more } });
  expect(answer.status()).toBe(201);
  const { conversation, generation } = await answer.json();
  await page.request.post(`/api/generations/${generation.id}/stop`);
  await page.request.patch(`/api/conversations/${conversation.id}`, { data: { title: content } });
  return conversation.id;
}

function row(page: Page, id: string): Locator {
  return page.locator(`nav li:has(a[href="/c/${id}"])`).first();
}

async function menu(page: Page, item: Locator, deed: string): Promise<void> {
  await item.hover();
  await item.getByRole("button", { name: /^Options for/ }).click();
  await page.getByRole("menuitem", { name: deed, exact: true }).click();
}

test("a project gathers conversations: begun in it, dragged into it, and kept when it goes", async ({
  browser,
}) => {
  const { app, page, context } = await signIn(browser, await somebody("Pia Jensen"));
  const loose = await begun(page, "Which tiles?");
  await app.open();
  await page.getByRole("button", { name: "New project" }).click();
  const form = page.getByRole("dialog", { name: "New project" });
  await expect(form.getByLabel("Name")).toBeFocused();
  await form.getByLabel("Name").fill("Kitchen");
  await form.locator("label", { hasText: "🍲" }).click();
  await form.getByLabel("Instructions").fill("Answer briefly, in metric units.");
  await app.accessible();
  await app.picture("project-form");
  await form.getByRole("button", { name: "Create the project" }).click();
  await page.waitForURL(/\/p\//);
  await expect(page.getByRole("heading", { name: "Kitchen" })).toBeVisible();
  await expect(page.getByText("Answer briefly, in metric units.")).toBeVisible();
  await app.say("How high is a worktop?");
  await page.waitForURL(/\/c\//);
  const inside = app.id();
  await app.stop();

  const project = page.locator("[data-project]");
  await project.getByRole("button", { name: /Show the conversations/ }).click();
  await expect(row(page, inside)).toBeVisible();
  await row(page, loose).dragTo(project);
  await expect(page.getByText("Moved to Kitchen.")).toBeVisible();
  const { conversation } = await (await page.request.get(`/api/conversations/${loose}`)).json();
  expect(conversation.project_id).not.toBeNull();
  await project.getByRole("link", { name: "Kitchen" }).click();
  await expect(
    page.getByRole("region", { name: "Conversations of this project" }).getByRole("link"),
  ).toHaveCount(2);
  await app.accessible();
  await app.picture("project");

  await project.hover();
  await project.getByRole("button", { name: /Options for the project/ }).click();
  await page.getByRole("menuitem", { name: "Delete the project" }).click();
  await app.picture("project-delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(project).toBeHidden();
  await expect(row(page, loose)).toBeVisible();
  await expect(row(page, inside)).toBeVisible();
  await context.close();
});

test("what is pinned stays on top, and what is archived is put away and comes back", async ({ browser }) => {
  const { app, page, context } = await signIn(browser, await somebody("Tom Ashe"));
  const first = await begun(page, "First thing");
  const second = await begun(page, "Second thing");
  await app.open();
  await menu(page, row(page, first), "Pin");
  await expect(page.getByRole("heading", { name: "Pinned" })).toBeVisible();
  await expect(page.locator("nav li a[href^='/c/']").first()).toHaveAttribute("href", `/c/${first}`);
  await menu(page, row(page, second), "Archive");
  await expect(row(page, second)).toBeHidden();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(row(page, second)).toBeVisible();
  await row(page, second).click({ button: "right" });
  await app.picture("conversation-menu");
  await page.getByRole("menuitem", { name: "Archive", exact: true }).click();
  await expect(row(page, second)).toBeHidden();
  await page.getByRole("link", { name: "Archive" }).click();
  await expect(page.getByRole("heading", { name: "Archive" })).toBeVisible();
  await app.accessible();
  await app.picture("archive");
  await page.getByRole("button", { name: "Take Second thing out of the archive" }).click();
  await expect(page.getByText("Nothing is put away.")).toBeVisible();
  await expect(row(page, second)).toBeVisible();
  await context.close();
});

test("many conversations are moved and deleted at once", async ({ browser }) => {
  const { app, page, context } = await signIn(browser, await somebody("Lea Roth"));
  const ids: string[] = [];
  for (const name of ["One", "Two", "Three", "Four"]) ids.push(await begun(page, name));
  const [one = "", two = "", three = "", four = ""] = ids;
  await app.open();
  await row(page, four)
    .getByRole("link")
    .click({ modifiers: ["ControlOrMeta"] });
  await row(page, two)
    .getByRole("link")
    .click({ modifiers: ["Shift"] });
  const bar = page.getByRole("region", { name: "Selected conversations" });
  await expect(bar).toContainText("3 selected");
  await app.accessible();
  await app.picture("selection");
  await bar.getByRole("button", { name: "Move" }).click();
  const dialog = page.getByRole("dialog", { name: "Move to a project" });
  await dialog.getByRole("button", { name: "New project" }).click();
  await page.getByLabel("Name").fill("Numbers");
  await page.getByRole("button", { name: "Create the project" }).click();
  await expect(page.getByText("3 conversations moved to Numbers.")).toBeVisible();
  await expect(bar).toBeHidden();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(row(page, three)).toBeVisible();

  await menu(page, row(page, one), "Select");
  await row(page, two).getByRole("link").click();
  await bar.getByRole("button", { name: "Delete" }).click();
  await expect(row(page, one)).toBeHidden();
  await page.getByRole("button", { name: "Undo" }).last().click();
  await expect(row(page, one)).toBeVisible();
  await menu(page, row(page, one), "Select");
  await row(page, two).getByRole("link").click();
  await bar.getByRole("button", { name: "Delete" }).click();
  await page.goto("about:blank");
  for (const id of [one, two])
    await expect.poll(async () => (await page.request.get(`/api/conversations/${id}`)).status()).toBe(404);
  expect((await page.request.get(`/api/conversations/${three}`)).status()).toBe(200);
  await context.close();
});

test("a temporary chat is in no list, survives a reload and is closed when it is left", async ({
  browser,
}) => {
  const { app, page, context } = await signIn(browser, await somebody("Ines Costa"));
  await app.open();
  await page.getByRole("button", { name: "Start a temporary chat" }).click();
  await expect(page.getByText("A conversation that leaves nothing behind")).toBeVisible();
  await app.accessible();
  await app.picture("temporary");
  await app.say("A secret question");
  await page.waitForURL(/\/c\//);
  const id = app.id();
  await app.stop();
  await expect(page.getByText("Temporary chat: it is deleted when you leave it.")).toBeVisible();
  await expect(row(page, id)).toBeHidden();
  await page.reload();
  await expect(page.locator("[data-role=user]")).toContainText("A secret question");
  const closed = page.waitForRequest((request) => request.postData() === '{"open":false}');
  await page.getByRole("link", { name: "New chat" }).click();
  await closed;
  await expect(page.getByText("Your conversations will be kept here.")).toBeVisible();
  await expect
    .poll(async () => (await page.request.get(`/api/conversations/${id}`)).status(), { timeout: 75_000 })
    .toBe(404);
  await context.close();
});

test("ten thousand conversations are scrolled through with few of them drawn", async ({ browser }) => {
  const { app, page, context } = await signIn(browser, await somebody("Max Many"));
  const TOTAL = 10_000;
  await page.route(/\/api\/conversations\?.*scope=recent/, async (route) => {
    const url = new URL(route.request().url());
    const from = Number(url.searchParams.get("before") ?? 0);
    const count = Number(url.searchParams.get("limit"));
    const items = Array.from({ length: Math.min(count, TOTAL - from) }, (_, index) => ({
      id: `conv_${String(from + index).padStart(22, "0")}`,
      title: `Conversation ${from + index}`,
      model: "default",
      created_at: "2026-01-01T00:00:00Z",
      updated_at: new Date(Date.UTC(2026, 0, 1) - (from + index) * 3_600_000).toISOString(),
      current_message_id: null,
      active_generation_id: null,
      project_id: null,
      pinned: false,
      archived: false,
      temporary: false,
    }));
    const next = from + count < TOTAL ? String(from + count) : null;
    await route.fulfill({ json: { items, next } });
  });
  await app.open();
  const list = page.getByRole("navigation", { name: "Conversations" });
  await expect(list.getByText("Conversation 0", { exact: true })).toBeVisible();
  await list.evaluate(
    (element, last) =>
      new Promise<void>((done) => {
        const down = () => {
          element.scrollTop = element.scrollHeight;
          if (element.textContent?.includes(last)) done();
          else setTimeout(down, 20);
        };
        down();
      }),
    `Conversation ${TOTAL - 1}`,
  );
  expect(await list.getByRole("listitem").count()).toBeLessThan(80);
  // Frames while it is scrolled from end to end.
  const usual = await list.evaluate(async (element) => {
    const times: number[] = [];
    let last = performance.now();
    for (let step = 0; step < 60; step += 1) {
      element.scrollTop = (element.scrollHeight * step) / 60;
      await new Promise((done) => requestAnimationFrame(done));
      const now = performance.now();
      times.push(now - last);
      last = now;
    }
    return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.5)] ?? 0;
  });
  expect(usual).toBeLessThan(100);
  await list.getByRole("link").last().focus();
  await page.keyboard.press("Home");
  await expect(list.getByText("Conversation 0", { exact: true })).toBeVisible();
  await page.keyboard.press("End");
  await expect(list.getByText(`Conversation ${TOTAL - 1}`, { exact: true })).toBeVisible();
  await context.close();
});

test("on a phone a long touch opens a conversation's menu, in French", async ({ browser }) => {
  const { app, page, context } = await signIn(browser, await somebody("Zoé Petit", "fr"), {
    ...phone,
    locale: "fr-FR",
  });
  const id = await begun(page, "Une soupe");
  await app.open();
  await page.getByRole("button", { name: "Ouvrir le volet" }).tap();
  const item = row(page, id);
  await expect(item).toBeVisible();
  const box = await item.boundingBox();
  const touch = {
    pointerType: "touch",
    clientX: (box?.x ?? 0) + 40,
    clientY: (box?.y ?? 0) + 20,
    bubbles: true,
  };
  await item.getByRole("link").dispatchEvent("pointerdown", touch);
  await expect(page.getByRole("menuitem", { name: "Épingler" })).toBeVisible();
  await item.getByRole("link").dispatchEvent("pointerup", touch);
  await app.picture("phone-menu-fr");
  await page.getByRole("menuitem", { name: "Ranger dans un projet" }).tap();
  const dialog = page.getByRole("dialog", { name: "Ranger dans un projet" });
  await dialog.getByRole("button", { name: "Nouveau projet" }).tap();
  await page.getByLabel("Nom").fill("Cuisine");
  await app.accessible();
  await app.picture("phone-project-form-fr");
  await page.getByRole("button", { name: "Créer le projet" }).tap();
  await expect(page.locator("[data-project]")).toContainText("Cuisine");
  await app.picture("phone-sidebar-fr");
  await app.accessible();
  await context.close();
});
