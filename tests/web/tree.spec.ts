import type { Page } from "@playwright/test";
import { type App, expect, looks, phone, test } from "./causette";

type Deed = "correct" | "continueHere" | "delete" | "copyBranch" | "duplicateHere";

async function more(page: Page, app: App, index: number, deed: Deed): Promise<void> {
  const reply = app.replies.nth(index);
  await reply.hover();
  await reply.getByRole("button", { name: app.words.tree.more }).click();
  await page.getByRole("menuitem", { name: app.words.tree[deed], exact: true }).click();
}

async function correct(page: Page, app: App, words: string): Promise<void> {
  await more(page, app, -1, "correct");
  await page.getByLabel(app.words.tree.correcting).fill(words);
  await page.getByRole("button", { name: app.words.tree.saveCorrection }).click();
  await expect(app.replies.last()).toContainText(words.replaceAll("*", ""));
}

for (const [look, options] of looks)
  test.describe(`the tree (${look})`, () => {
    test.use(options);

    test("a reply is corrected, compared with the original, and one of them is chosen", async ({
      app,
      page,
    }) => {
      const { message, tree } = app.words;
      await app.conversation("What is the capital of Australia?");
      const original = await app.shown();
      await correct(page, app, "Canberra, since 1927.");
      await expect(page.getByText(tree.corrected)).toBeVisible();
      await expect(page.getByLabel(message.branch("2", "2"))).toBeVisible();
      await page.getByRole("button", { name: tree.compare, exact: true }).click();
      const compare = page.getByRole("dialog", { name: tree.compareTitle });
      await expect(compare.getByRole("region", { name: tree.right })).toContainText("Canberra, since 1927.");
      await app.accessible();
      await app.picture(`compare-${look}`);
      await compare
        .getByRole("region", { name: tree.left })
        .getByRole("button", { name: tree.choose })
        .click();
      await expect(compare).toBeHidden();
      await expect(page.getByLabel(message.branch("1", "2"))).toBeVisible();
      expect(await app.shown()).toBe(original);
    });

    test("a conversation goes on from the middle, and its end is still there", async ({ app, page }) => {
      const { message, tree } = app.words;
      const id = await app.conversation("Count to two.");
      await correct(page, app, "One, two.");
      await app.say("And to three?");
      await expect(page.locator("[data-role=user]")).toHaveCount(2);
      await app.stop();
      await more(page, app, 0, "continueHere");
      await expect(page.getByText(tree.continuing)).toBeVisible();
      await expect(page.locator("[data-role=user]")).toHaveCount(1);
      await app.picture(`continue-from-here-${look}`);
      await page.getByRole("button", { name: tree.continueEnd }).click();
      await expect(page.locator("[data-role=user]")).toHaveCount(2);
      await more(page, app, 0, "continueHere");
      await app.say("And to four?");
      await expect(page.locator("[data-role=user]").last()).toContainText("And to four?");
      await app.stop();
      const { messages } = await (await page.request.get(`/api/conversations/${id}`)).json();
      const asked = messages.filter((message: { role: string }) => message.role === "user");
      expect(asked.map(({ versions }: { versions: string[] }) => versions.length)).toEqual([1, 2]);
      await expect(
        page.locator("[data-role=user]").last().getByLabel(message.branch("2", "2")),
      ).toBeVisible();
    });

    test("a reply is deleted, comes back when that is undone, and else its question can be answered anew", async ({
      app,
      page,
    }) => {
      const { tree } = app.words;
      const id = await app.conversation("Name a tree.");
      await more(page, app, -1, "delete");
      await expect(app.replies).toHaveCount(0);
      await page.getByRole("button", { name: app.words.sidebar.undo }).click();
      await expect(app.replies).toHaveCount(1);
      await more(page, app, -1, "delete");
      await expect(app.replies).toHaveCount(0);
      await app.picture(`deleted-reply-${look}`);
      const count = async () =>
        (await (await page.request.get(`/api/conversations/${id}`)).json()).messages.length;
      await expect.poll(count, { timeout: 20_000 }).toBe(1);
      await page.getByRole("button", { name: tree.reply }).click();
      await app.stop();
      await expect(app.replies).toHaveCount(1);
    });

    test("a branch is copied: as Markdown, and as a conversation of its own", async ({
      app,
      page,
      context,
    }) => {
      const { tree } = app.words;
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      const id = await app.conversation("Name a river.");
      await correct(page, app, "The *Loire*.");
      await more(page, app, -1, "copyBranch");
      await expect(page.getByText(tree.branchCopied)).toBeVisible();
      const text = await page.evaluate(() => navigator.clipboard.readText());
      expect(text).toContain(`**${tree.you}**\n\nName a river.\n\n---\n\n**${tree.assistant} (`);
      expect(text).toMatch(/\)\*\*\n\nThe \*Loire\*\.\n$/);
      await more(page, app, -1, "duplicateHere");
      await expect(page).not.toHaveURL(new RegExp(id));
      await expect(page.getByText(app.words.organise.duplicated)).toBeVisible();
      await expect(app.replies.last()).toContainText("The Loire.");
      await expect(page).toHaveTitle(new RegExp(`^${app.words.organise.copyOf("")}`));
    });

    test("words that are selected are quoted in the message box", async ({ app, page }) => {
      const { tree } = app.words;
      await app.conversation("Name a fish.");
      await correct(page, app, "A carp is a fish.");
      await app.replies.last().locator("[data-reply] p").first().selectText();
      await page.keyboard.press("Shift");
      await expect(page.getByRole("button", { name: tree.quote, exact: true })).toBeVisible();
      await app.picture(`quote-${look}`);
      await page.getByRole("button", { name: tree.quote, exact: true }).click();
      await expect(app.composer).toHaveValue("> A carp is a fish.\n\n");
      await expect(app.composer).toBeFocused();
      await app.composer.fill("");
    });

    test("another model writes another version", async ({ app, page }) => {
      const { message } = app.words;
      await page.route(/\/api\/(models|bootstrap)$/, async (route) => {
        const response = await route.fetch();
        const body = await response.json();
        const models = body.items ?? body.models;
        // The same model under its alias: the server knows both names.
        models.push({ ...models[0], name: "default", title: "Another model", default: false });
        await route.fulfill({ response, json: body });
      });
      await app.conversation("Say hello.");
      await page.getByRole("button", { name: message.regenerate }).click();
      await app.picture(`regenerate-menu-${look}`);
      await page.getByRole("menuitem", { name: "Another model" }).click();
      await expect(app.replies.last()).toHaveAttribute("data-status", "streaming");
      await app.stop();
      await expect(page.getByLabel(message.branch("2", "2"))).toBeVisible();
    });
  });

test.describe("on a phone", () => {
  test.use(phone);

  test("replies are compared one swipe apart", async ({ app, page }) => {
    await app.conversation("What is the capital of Turkey?");
    await correct(page, app, "Ankara.");
    await page.getByRole("button", { name: "Compare" }).click();
    const compare = page.getByRole("dialog", { name: "Compare replies" });
    await compare.getByRole("tab").nth(1).tap();
    await expect(compare.getByText("Ankara.")).toBeInViewport();
    await app.accessible();
    await app.picture("phone-compare");
    await compare.getByRole("region", { name: "Right" }).getByRole("button").tap();
    await expect(compare).toBeHidden();
    await expect(app.replies.last()).toContainText("Ankara.");
  });
});
