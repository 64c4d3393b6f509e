import { expect, test } from "./causette";

for (const colorScheme of ["light", "dark"] as const)
  test(`the main pages keep nobody out in the ${colorScheme} theme`, async ({ app, page }) => {
    await page.emulateMedia({ colorScheme });
    await app.open();
    await app.accessible();
    await app.picture(`welcome-${colorScheme}`);
    await app.conversation("Write a Python function that adds two numbers, then a table.");
    await app.accessible();
    await app.picture(`conversation-${colorScheme}`);
    await page.getByRole("button", { name: /Account and settings/ }).click();
    await app.accessible();
    await app.picture(`settings-${colorScheme}`);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /^Model: / }).click();
    await app.accessible();
    await page.keyboard.press("Escape");
    await page.locator("[data-role=user]").hover();
    await page.getByRole("button", { name: "Edit" }).click();
    await app.accessible();
  });

test("nothing moves for those who asked for stillness", async ({ app, page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await app.open();
  await page.keyboard.press("Control+K");
  const moving = await page.evaluate(() => document.getAnimations().length);
  expect(moving).toBe(0);
});
