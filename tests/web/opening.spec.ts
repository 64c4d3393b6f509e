import { expect, phone, test } from "./causette";

for (const [look, options] of [
  ["desk", {}],
  ["phone-dark", { ...phone, colorScheme: "dark" }],
] as const)
  test.describe(`opening (${look})`, () => {
    test.use(options);

    test("a conversation has its outline before the scripts that draw it are here", async ({ app, page }) => {
      const id = await app.conversation("Name a colour.");
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      await page.route(/\/assets\/.*\.js$/, async (route) => {
        await held;
        await route.continue();
      });
      await page.goto(`/c/${id}`, { waitUntil: "commit" });
      const outline = page.locator(".page-outline");
      await expect(outline).toBeVisible();
      await app.picture(`outline-${look}`);
      const box = await outline.locator(".page-outline-thread > div").boundingBox();
      release();
      await expect(app.replies.last()).toBeVisible();
      await expect(outline).toBeHidden();
      // What was drawn first is where it will be.
      const form = await page.locator("form:has([data-composer])").boundingBox();
      for (const side of ["x", "y", "width", "height"] as const)
        expect(Math.abs((box?.[side] ?? 0) - (form?.[side] ?? 0)), side).toBeLessThan(6);
      await app.picture(`outlined-${look}`);
    });
  });

test.describe("a stranger", () => {
  test.use({ signedIn: false });

  test("is asked to sign in, without the outline of what is inside", async ({ page }) => {
    await page.route(/\/assets\/.*\.js$/, async () => {});
    await page.goto("/", { waitUntil: "commit" });
    await expect(page.locator(".page-outline")).toBeAttached();
    await expect(page.locator(".page-outline")).toBeHidden();
  });
});
