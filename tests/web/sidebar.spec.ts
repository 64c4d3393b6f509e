import { expect, test } from "./causette";

test("a conversation is renamed in its place", async ({ app, page }) => {
  const id = await app.conversation("What is a leek?");
  const item = page.locator(`nav li:has(a[href="/c/${id}"])`);
  await item.hover();
  await item.getByRole("button", { name: /Options for/ }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  const title = page.getByLabel("Title of the conversation");
  await expect(title).toBeFocused();
  await title.fill("About leeks");
  await title.press("Enter");
  await expect(item).toContainText("About leeks");
  await expect(page).toHaveTitle("About leeks · Causette");
  await page.reload();
  await expect(item).toContainText("About leeks");

  await item.getByRole("link").dblclick();
  await title.fill("Something else");
  await title.press("Escape");
  await expect(item).toContainText("About leeks");
});

test("a deleted conversation comes back when it is undone, and else is gone", async ({ app, page }) => {
  const id = await app.conversation("What is a turnip?");
  const item = page.locator(`nav li:has(a[href="/c/${id}"])`);
  const remove = async () => {
    await item.hover();
    await item.getByRole("button", { name: /Options for/ }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
  };
  await remove();
  await expect(item).toBeHidden();
  await expect(page.getByText("What shall we talk about?")).toBeVisible();
  await app.picture("deleted");
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(item).toBeVisible();
  await expect(page.locator("[data-role=user]")).toContainText("What is a turnip?");

  await remove();
  await expect(item).toBeHidden();
  await expect
    .poll(async () => (await page.request.get(`/api/conversations/${id}`)).status(), { timeout: 20_000 })
    .toBe(404);
});

test("a deletion is carried out when the page is left before its time is over", async ({ app, page }) => {
  const id = await app.conversation("What is a parsnip?");
  const item = page.locator(`nav li:has(a[href="/c/${id}"])`);
  await item.hover();
  await item.getByRole("button", { name: /Options for/ }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await expect(item).toBeHidden();
  await page.goto("about:blank");
  await expect.poll(async () => (await page.request.get(`/api/conversations/${id}`)).status()).toBe(404);
});

test("the sidebar is put away and stays away", async ({ app, page }) => {
  await app.open();
  await page.getByRole("button", { name: "Close the sidebar" }).click();
  await expect(page.getByRole("navigation", { name: "Conversations" })).toBeHidden();
  await page.reload();
  await expect(page.getByRole("button", { name: "Open the sidebar" })).toBeVisible();
  await app.picture("sidebar-closed");
  await page.getByRole("button", { name: "Open the sidebar" }).click();
  await expect(page.getByRole("navigation", { name: "Conversations" })).toBeVisible();
});
