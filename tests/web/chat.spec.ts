import { expect, letters, looks, test } from "./causette";

for (const [look, options] of looks)
  test.describe(`a conversation (${look})`, () => {
    test.use(options);

    test("a message is answered, and the conversation gets its place and title", async ({ app, page }) => {
      const { message, sidebar } = app.words;
      await app.open();
      await app.say("What is the capital of France?");
      await page.waitForURL(/\/c\//);
      await expect(page.locator("[data-role=user]")).toContainText("What is the capital of France?");
      await app.ended();
      await expect(app.replies.last()).toHaveAttribute("data-status", "complete");
      expect(await app.shown()).toMatch(/\S/);
      await expect(page.locator("[data-live]")).toContainText(message.finished);
      await app.picture(`conversation-${look}`);
      const current = (await app.conversations()).locator("[aria-current=page]");
      await expect(current).toBeVisible();
      await expect(current).not.toHaveText(sidebar.untitled);
    });

    test("a reply is stopped, keeps what was written, and is made again as a version beside it", async ({
      app,
      page,
    }) => {
      const { composer, message } = app.words;
      await app.open();
      await app.say("Tell me a very long story about a lighthouse keeper.");
      await app.begun();
      await app.picture(`writing-${look}`);
      await page.getByRole("button", { name: composer.stop }).click();
      await expect(page.getByText(message.stopped)).toBeVisible();
      const before = letters(await app.shown());
      expect(before).not.toBe("");

      await page.getByRole("button", { name: message.regenerate }).click();
      await expect(app.replies.last()).toHaveAttribute("data-status", "streaming");
      await app.stop();
      await expect(page.getByLabel(message.branch("2", "2"))).toBeVisible();
      await app.picture(`versions-${look}`);
      await page.getByRole("button", { name: message.previous }).click();
      await expect(page.getByLabel(message.branch("1", "2"))).toBeVisible();
      expect(letters(await app.shown())).toBe(before);
    });

    test("an edited message starts a branch, and the branch shown is remembered", async ({ app, page }) => {
      const { message } = app.words;
      await app.conversation("Name a colour.");
      const said = page.locator("[data-role=user]");
      await said.hover();
      await said.getByRole("button", { name: message.edit, exact: true }).click();
      await page.getByLabel(message.editing).fill("Name a fruit.");
      await page.getByRole("button", { name: message.save }).click();
      await expect(said).toContainText("Name a fruit.");
      await app.stop();
      await expect(said.getByLabel(message.branch("2", "2"))).toBeVisible();

      await said.getByRole("button", { name: message.previous }).click();
      await expect(said).toContainText("Name a colour.");
      await expect(async () => {
        await page.reload();
        await expect(said).toContainText("Name a colour.", { timeout: 2_000 });
      }).toPass();
      await said.getByRole("button", { name: message.next }).click();
      await expect(said).toContainText("Name a fruit.");

      await said.hover();
      await said.getByRole("button", { name: message.edit, exact: true }).click();
      await page.keyboard.type(" Any fruit.");
      await page.keyboard.press("Escape");
      await expect(said).toContainText("Name a fruit.");
      await expect(said.getByLabel(message.branch("2", "2"))).toBeVisible();
    });
  });

test("the next question hangs under the branch that is shown", async ({ app, page }) => {
  const id = await app.conversation("Count to three.");
  await app.say("Now count to four.");
  await expect(page.locator("[data-role=user]")).toHaveCount(2);
  await app.stop();
  const { messages } = await (await page.request.get(`/api/conversations/${id}`)).json();
  const parents = messages.map((message: { parent_id: string | null }) => message.parent_id);
  expect(parents).toEqual([null, messages[0].id, messages[1].id, messages[2].id]);
});

test("a draft survives a reload, for each conversation", async ({ app, page }) => {
  await app.conversation("Good morning.");
  await app.composer.fill("half a thought");
  await app.open("/");
  await app.composer.fill("another thought");
  await page.reload();
  await expect(app.composer).toHaveValue("another thought");
  await page.goBack();
  await expect(app.composer).toHaveValue("half a thought");
  await app.composer.fill("");
  await app.open("/");
  await app.composer.fill("");
});

test("an idea is taken into the message box", async ({ app, page }) => {
  await app.open();
  await page.getByRole("button", { name: /Write with me/ }).click();
  await expect(app.composer).toHaveValue(/thank a colleague/);
  await expect(app.composer).toBeFocused();
  await app.composer.fill("");
});

test("when the server cannot be reached, nothing written is lost", async ({ app, page }) => {
  await app.open();
  await page.route("**/api/conversations", (route) => route.abort());
  await app.say("Are you there?");
  await expect(page.getByRole("alert")).toContainText("Your message was not sent.");
  await expect(app.composer).toHaveValue("Are you there?");
  await page.unroute("**/api/conversations");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForURL(/\/c\//);
  await app.stop();
  await expect(page.locator("[data-role=user]")).toContainText("Are you there?");
  await expect(app.composer).toHaveValue("");
});

test("without a network, what is written waits for it", async ({ app, page, context }) => {
  await app.open();
  await context.setOffline(true);
  await expect(page.getByText("You are offline.")).toBeVisible();
  await app.composer.fill("Are you back?");
  await expect(page.getByRole("button", { name: "Send", exact: true })).toBeDisabled();
  await app.picture("offline");
  await context.setOffline(false);
  await expect(page.getByText("You are offline.")).toBeHidden();
  await expect(app.composer).toHaveValue("Are you back?");
  await expect(page.getByRole("button", { name: "Send", exact: true })).toBeEnabled();
  await app.composer.fill("");
});

test("a conversation that is not there says so", async ({ app, page }) => {
  await page.goto("/c/conv_0199a1b2c3d4e5f60718293a4b5c6d7e");
  await expect(page.getByRole("heading", { name: "There is no such conversation." })).toBeVisible();
  await page.getByRole("link", { name: "Start a new one" }).click();
  await expect(app.composer).toBeVisible();
});
