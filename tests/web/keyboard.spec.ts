import { expect, signIn, somebody, test } from "./causette";

test("everything is done from the keyboard", async ({ app, page }) => {
  await app.open();
  await expect(app.composer).toBeFocused();
  await page.keyboard.type("Write a long poem");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("about keys.");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/c\//);
  const id = app.id();
  await app.begun();
  await page.keyboard.press("Escape");
  await app.ended();
  await expect(page.locator("[data-role=user]")).toContainText("about keys.");

  await page.keyboard.press("Control+Shift+O");
  await expect(page.getByText("What shall we talk about?")).toBeVisible();
  await expect(app.composer).toBeFocused();

  await page.keyboard.press("Control+K");
  const find = page.getByRole("combobox", { name: "Find a conversation, a message or a command" });
  await expect(find).toBeFocused();
  await app.picture("finder");
  await app.accessible();
  const title = (await (await page.request.get(`/api/conversations/${id}`)).json()).conversation.title;
  await page.keyboard.type(title);
  await expect(page.getByRole("option").first()).toContainText(title);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/c\//);

  await page.keyboard.press("Control+K");
  await page.keyboard.type("shortcuts");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Keyboard shortcuts" })).toBeVisible();
  await app.picture("shortcuts");
  await app.accessible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();

  await page.keyboard.press("Control+K");
  await page.keyboard.type("zzzz");
  await expect(page.getByText("Nothing is found for that.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("a question mark lists the shortcuts, but not while writing", async ({ app, page }) => {
  await app.open();
  await page.keyboard.type("?");
  await expect(app.composer).toHaveValue("?");
  await app.composer.fill("");
  await page.keyboard.press("Tab");
  await page.keyboard.press("?");
  await expect(page.getByRole("heading", { name: "Keyboard shortcuts" })).toBeVisible();
});

test("Tab reaches a visible focus on every control, beginning with a way past the sidebar", async ({
  browser,
}) => {
  const { context, page, app } = await signIn(browser, await somebody("Nadia Clavier"));
  await app.open();
  // As on arriving: from the top of the page.
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
  });
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the conversation" })).toBeFocused();
  const seen = new Set<string>();
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement;
      const around = element.closest("form") ?? element;
      const style = getComputedStyle(element);
      return {
        name: element.getAttribute("aria-label") ?? element.textContent?.trim() ?? "",
        seen: element === document.body || style.outlineStyle !== "none" || around !== element,
      };
    });
    expect(focus.seen, `focus on “${focus.name}”`).toBe(true);
    seen.add(focus.name);
  }
  for (const name of ["New chat", "Message"]) expect(seen).toContain(name);
  await context.close();
});
