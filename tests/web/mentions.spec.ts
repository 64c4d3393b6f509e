import type { Page } from "@playwright/test";
import { expect, phone, signIn, somebody, test } from "./causette";

async function assistant(page: Page, name: string, description: string, emoji: string): Promise<string> {
  const data = { name, description, emoji, instructions: "Answer in one short sentence." };
  const answer = await page.request.post("/api/assistants", { data });
  expect(answer.status()).toBe(201);
  return (await answer.json()).id;
}

test("one message is said to an assistant by the keyboard, and the next one to nobody", async ({
  browser,
}) => {
  const { app, page, context } = await signIn(browser, await somebody("Rose Marchand"));
  const chef = await assistant(page, "Sous-chef", "Cooks with what there is.", "🍲");
  await assistant(page, "Botanist", "Names plants, and says where they grow.", "🌿");
  await app.conversation("Hello");

  const list = page.getByRole("listbox", { name: "Assistants to say this to" });
  await app.composer.pressSequentially("Leeks? @");
  await expect(list.getByRole("option")).toHaveText([/Botanist/, /Sous-chef/]);
  await app.picture("mention-list");
  await app.accessible();
  await page.keyboard.press("ArrowDown");
  await expect(list.getByRole("option", { selected: true })).toContainText("Sous-chef");
  await page.keyboard.press("Escape");
  await expect(list).toBeHidden();
  await app.composer.pressSequentially("sous");
  await expect(list.getByRole("option")).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(list).toBeHidden();
  await expect(app.composer).toHaveValue("Leeks? ");
  await expect(app.composer).toBeFocused();
  await expect(page.getByRole("button", { name: "Say it to no assistant" })).toBeVisible();
  await app.picture("mention-chosen");
  await app.accessible();

  await page.getByRole("button", { name: "Say it to no assistant" }).click();
  await app.composer.press("End");
  await app.composer.pressSequentially("@bot");
  await list.getByRole("option", { name: "Botanist" }).click();
  await expect(page.getByTitle("Said to Botanist")).toBeVisible();
  await expect(app.composer).toHaveValue("Leeks? ");
  await expect(app.composer).toBeFocused();
  await app.composer.pressSequentially("@sous");
  await expect(list.getByRole("option")).toHaveCount(1);
  await page.keyboard.press("Tab");
  await expect(page.getByTitle("Said to Sous-chef")).toBeVisible();

  // It survives a reload with the words that it goes with.
  await page.reload();
  await expect(app.composer).toHaveValue("Leeks? ");
  await expect(page.getByRole("button", { name: "Say it to no assistant" })).toBeVisible();
  await app.composer.press("Enter");
  await expect(app.replies).toHaveCount(2);
  await app.stop();
  const said = page.locator("[data-role=user]").last();
  await expect(said.getByTitle("Said to Sous-chef")).toBeVisible();
  await expect(app.replies.last()).toContainText("Sous-chef");
  await expect(page.getByRole("button", { name: "Say it to no assistant" })).toBeHidden();
  await app.picture("mention-answered");
  await app.accessible();

  await app.say("Thanks");
  await expect(app.replies).toHaveCount(3);
  await app.stop();
  await expect(app.replies.last()).not.toContainText("Sous-chef");
  await expect(page.locator("[data-role=user]").last()).not.toContainText("Sous-chef");

  // Another reply to the mention is by the assistant again.
  await app.replies.nth(1).hover();
  await app.replies.nth(1).getByRole("button", { name: "Regenerate" }).click();
  await expect(app.replies).toHaveCount(2);
  await app.stop();
  await expect(app.replies.last()).toContainText("Sous-chef");

  // Once it is gone, the words stay, and can be said to nobody.
  await page.request.delete(`/api/assistants/${chef}`);
  await page.reload();
  await expect(said).toContainText("An assistant that is gone");
  await said.hover();
  await said.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("button", { name: "Send again" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "was deleted, or is not shared" })).toBeVisible();
  await app.picture("mention-gone");
  await app.accessible();
  await page.getByRole("button", { name: "Dismiss" }).click();
  await said.hover();
  await said.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("button", { name: "Say it to no assistant" }).click();
  await page.getByRole("button", { name: "Send again" }).click();
  await expect(app.replies).toHaveCount(2);
  await app.stop();
  await expect(said).not.toContainText("An assistant that is gone");
  await context.close();
});

test("an assistant is mentioned on a phone, in French, in the dark", async ({ browser }) => {
  const { app, page, context } = await signIn(browser, await somebody("Luc Perrin", "fr"), {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  await app.open();
  await app.composer.pressSequentially("@");
  await expect(page.getByText("Il n’y a pas encore d’assistant à qui le dire.")).toBeVisible();
  await app.picture("phone-mention-none-fr-dark");
  await assistant(page, "Second de cuisine", "Cuisine avec ce qu’il y a.", "🍲");
  await page.getByRole("link", { name: "Ouvrir les assistants" }).tap();
  await expect(page).toHaveURL(/\/assistants$/);
  await app.open();
  await app.composer.fill("Des poireaux ? @");
  const option = page.getByRole("option", { name: /Second de cuisine/ });
  await expect(option).toBeVisible();
  await app.accessible();
  await app.picture("phone-mention-fr-dark");
  await option.tap();
  await expect(app.composer).toHaveValue("Des poireaux ? ");
  await app.picture("phone-mention-chosen-fr-dark");
  await page.getByRole("button", { name: "Envoyer" }).tap();
  await page.waitForURL(/\/c\//);
  await app.stop();
  await expect(page.locator("[data-role=user]")).toContainText("Second de cuisine");
  await app.picture("phone-mention-answered-fr-dark");
  await app.accessible();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(390);
  await context.close();
});
