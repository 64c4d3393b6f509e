import { expect, test } from "./causette";

test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

test("a conversation is held on a phone", async ({ app, page }) => {
  await app.open();
  await app.picture("phone-welcome");
  await app.accessible();
  await app.say("What is a lighthouse?");
  await page.waitForURL(/\/c\//);
  await app.begun();
  await page.getByRole("button", { name: "Stop the reply" }).click();
  await app.ended();
  await app.picture("phone-conversation");

  const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  expect(wide).toBe(false);
  const size = await page.getByRole("button", { name: "Open the sidebar" }).boundingBox();
  expect(Math.min(size?.width ?? 0, size?.height ?? 0)).toBeGreaterThanOrEqual(44);

  await page.getByRole("button", { name: "Open the sidebar" }).tap();
  const sheet = page.getByRole("dialog", { name: "Conversations" });
  await expect(sheet).toBeVisible();
  await app.picture("phone-sidebar");
  await app.accessible();
  await sheet.getByRole("link", { name: "New chat" }).tap();
  await expect(sheet).toBeHidden();
  await expect(page.getByText("What shall we talk about?")).toBeVisible();
});

test("the sheet goes when what is beside it is touched", async ({ app, page }) => {
  await app.open();
  await page.getByRole("button", { name: "Open the sidebar" }).tap();
  const sheet = page.getByRole("dialog", { name: "Conversations" });
  await expect(sheet).toBeVisible();
  await page.touchscreen.tap(375, 400);
  await expect(sheet).toBeHidden();
});
