import { expect, letters, looks, test } from "./causette";

const story = "Tell me a long story about a lighthouse keeper and her cat.";

for (const [look, options] of looks)
  test.describe(`replies last (${look})`, () => {
    test.use(options);

    test("a reload in mid-reply loses nothing and repeats nothing", async ({ app, page }) => {
      await app.open();
      await app.say(story);
      await app.begun();
      const before = letters(await app.shown());
      await page.reload();
      await app.goesOnAfter(before);
      await app.stop();
      expect(letters(await app.shown())).toBe(letters(await app.kept()));
    });

    test("a second tab shows the same reply as it is written", async ({ app, page, context }) => {
      await app.open();
      await app.say(story);
      await app.begun();
      const other = await context.newPage();
      await other.goto(page.url());
      const reply = other.locator("[data-role=assistant] [data-reply]");
      await expect(reply).toHaveText(/\S/);
      await app.stop();
      await expect(other.getByText(app.words.message.stopped)).toBeVisible();
      expect(letters(await reply.innerText())).toBe(letters(await app.shown()));
      await other.close();
    });

    test("a lost connection is regained and the reply goes on", async ({ app, page, context }) => {
      await app.open();
      await app.say(story);
      await app.begun();
      await context.setOffline(true);
      await expect(page.getByText(/^(You are offline|Vous êtes hors ligne)/)).toBeVisible();
      const before = letters(await app.shown());
      await context.setOffline(false);
      await app.goesOnAfter(before);
      await app.stop();
      expect(letters(await app.shown())).toBe(letters(await app.kept()));
    });

    test("a reply goes on while another conversation is read", async ({ app, page }) => {
      await app.open();
      await app.say(story);
      await page.waitForURL(/\/c\//);
      await app.begun();
      const before = letters(await app.shown());
      const path = new URL(page.url()).pathname;
      await app.conversations();
      await page.getByRole("link", { name: app.words.sidebar.newChat }).click();
      await expect(page).not.toHaveURL(/\/c\//);
      await (await app.conversations()).locator(`a[href="${path}"]`).click();
      await app.goesOnAfter(before);
      await app.stop();
      expect(letters(await app.shown())).toBe(letters(await app.kept()));
    });

    test("a message whose answer is lost on the way is sent again and is there once", async ({
      app,
      page,
    }) => {
      await app.conversation("Say one word.");
      let answers = 0;
      await page.route("**/api/conversations/*/messages", async (route) => {
        if (route.request().method() !== "POST") return route.continue();
        answers += 1;
        if (answers > 1) return route.continue();
        await route.fetch();
        await route.abort();
      });
      await app.say("And another one?");
      await expect.poll(() => answers).toBe(1);
      await expect(app.composer).toHaveValue("And another one?");
      await page.getByRole("button", { name: app.words.composer.send, exact: true }).click();
      await app.stop();
      expect(answers).toBe(2);
      await page.reload();
      await expect(page.getByText("And another one?")).toHaveCount(1);
      await expect(page.getByText("1/2")).toHaveCount(0);
    });
  });
