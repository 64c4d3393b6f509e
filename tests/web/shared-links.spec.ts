import { App, expect, imported, phone, signIn, somebody, stranger, test } from "./causette";

const soup = [
  {
    asked: "How do I make onion soup for six?",
    reply:
      "Take **eight onions**, and *time*.\n\n1. Slice them thinly.\n2. Let them brown in butter for 40 minutes.\n\n| for | onions |\n| --- | ---: |\n| two | 3 |\n| six | 8 |\n\n```python\nonions = 8\n```",
  },
  {
    asked: "And without butter?",
    reply: "Olive oil does as well. The sum is $8 \\times 40$ minutes of patience.",
  },
];

test("a link is made, read by somebody signed out, gone on with by another, and ended", async ({
  browser,
}) => {
  const { context, page, app } = await signIn(browser, await somebody("Rosa Linck"));
  const id = await imported(page, "Onion soup", soup);
  await page.goto(`/c/${id}`);
  await expect(app.replies.last()).toContainText("Olive oil");
  const row = page.locator(`nav li:has(a[href="/c/${id}"])`).first();
  await row.hover();
  await row.getByRole("button", { name: "Options for Onion soup" }).click();
  await page.getByRole("menuitem", { name: "Share", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Share this conversation" });
  await dialog.getByLabel("Show my name").check();
  await dialog.getByLabel("The link ends").selectOption({ label: "On a date" });
  await expect(dialog.getByRole("button", { name: "Make the link" })).toBeDisabled();
  await app.picture("share-dialog");
  await app.accessible();
  await dialog.getByLabel("The link ends").selectOption({ label: "After 7 days" });
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const made = page.getByRole("dialog", { name: "The link is made" });
  const link = await made.getByText(/^http\S+\/s\/\S+$/).innerText();
  await app.picture("share-made");
  await app.accessible();

  const elsewhere = await browser.newContext({ locale: "en-GB", storageState: stranger });
  const visitor = new App(await elsewhere.newPage());
  await visitor.page.goto(link);
  await expect(visitor.page.getByRole("heading", { name: "Onion soup" })).toBeVisible();
  await expect(visitor.page.getByText("Shared by Rosa Linck")).toBeVisible();
  await expect(visitor.page.locator(".katex")).toBeVisible();
  await visitor.picture("shared-page");
  await visitor.accessible();
  const reader = await somebody("Ines Weiter");
  await visitor.page.getByRole("link", { name: "Sign in to continue it" }).click();
  await visitor.page.getByLabel("E-mail").fill(reader.email);
  await visitor.page.getByLabel("Password", { exact: true }).fill(reader.password);
  await visitor.page.getByRole("button", { name: "Sign in", exact: true }).click();
  await visitor.page.getByRole("button", { name: "Continue this chat" }).click();
  await visitor.page.waitForURL(/\/c\//);
  await expect(visitor.replies).toHaveCount(2);
  await visitor.say("And for eight?");
  await expect(visitor.replies).toHaveCount(3);
  await visitor.stop();
  await visitor.picture("shared-continued");

  await made.getByRole("link", { name: "All your links" }).click();
  const list = page.getByRole("list", { name: "Shared links" });
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await expect(list.getByText("with your name")).toBeVisible();
  await app.picture("shared-links");
  await app.accessible();
  await list.getByRole("button", { name: "Options for Onion soup" }).click();
  await app.picture("shared-links-menu");
  await page.getByRole("menuitem", { name: "End the link" }).click();
  await page
    .getByRole("dialog", { name: "End this link?" })
    .getByRole("button", { name: "End the link" })
    .click();
  await expect(page.getByText("Nothing is shared.")).toBeVisible();
  await app.picture("shared-links-empty");
  await app.accessible();

  await visitor.page.goto(link);
  await expect(visitor.page.getByRole("heading", { name: "This link leads nowhere" })).toBeVisible();
  await visitor.picture("shared-gone");
  await visitor.accessible();
  await Promise.all([context.close(), elsewhere.close()]);
});

test("a shared conversation on a phone, in French, in the dark, until its link is ended", async ({
  browser,
}) => {
  const { context, page } = await signIn(browser, await somebody("Jeanne Lien", "fr"));
  const id = await imported(page, "Soupe à l’oignon", soup);
  const made = await page.request.post(`/api/conversations/${id}/shares`, { data: { with_name: true } });
  const share = await made.json();
  const nobody = await browser.newContext({
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
    storageState: stranger,
  });
  const read = new App(await nobody.newPage());
  await read.page.goto(share.link);
  await expect(read.page.getByText("Partagée par Jeanne Lien")).toBeVisible();
  await expect(read.page.locator(".katex")).toBeVisible();
  await read.picture("shared-page-phone-fr-dark");
  await read.accessible();
  expect((await page.request.delete(`/api/shares/${share.id}`)).status()).toBe(204);
  await read.page.reload();
  await expect(read.page.getByRole("heading", { name: "Ce lien ne mène nulle part" })).toBeVisible();
  await read.picture("shared-gone-phone-fr-dark");
  await read.accessible();
  await Promise.all([context.close(), nobody.close()]);
});
