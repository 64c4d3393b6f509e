import type { Browser, Page } from "@playwright/test";
import { expect, phone, signIn, somebody, test } from "./causette";

/** An assistant made without looking at it; its id. */
async function made(page: Page, body: object): Promise<string> {
  const answer = await page.request.post("/api/assistants", { data: body });
  expect(answer.status()).toBe(201);
  return (await answer.json()).id;
}

const CHEF = {
  name: "Sous-chef",
  description: "Cooks with what there is.",
  emoji: "🍲",
  colour: "green",
  instructions: "Name quantities in grams.",
  starters: ["What can I do with leeks?", "Plan a week of suppers."],
};

/** Somebody shares an assistant with everybody, and it is recommended. */
async function shared(browser: Browser, name: string): Promise<string> {
  const { page, context } = await signIn(browser, await somebody("Noor Haddad"));
  const id = await made(page, { ...CHEF, name, sharing: "everybody" });
  await context.close();
  const asOwner = await browser.newContext({
    baseURL: process.env.CAUSETTE_TEST_URL ?? "",
    storageState: process.env.CAUSETTE_TEST_STATE ?? "",
  });
  const answer = await asOwner.request.put(`/api/assistants/${id}/featured`, { data: { featured: true } });
  expect(answer.status()).toBe(200);
  await asOwner.close();
  return id;
}

test("an assistant is made, tried beside its settings, talked with, and outlived by its conversation", async ({
  browser,
}) => {
  const others = `Botanist ${Date.now()}`;
  await shared(browser, others);
  const { app, page, context } = await signIn(browser, await somebody("Rose Marchand"));
  await app.open();
  await page.getByRole("link", { name: "Assistants", exact: true }).click();
  await expect(page.getByText("You have made none yet.")).toBeVisible();
  await expect(page.getByRole("region", { name: "Recommended here" })).toContainText(others);
  await app.accessible();
  await page.getByRole("link", { name: "New assistant" }).click();
  await page.getByRole("button", { name: "Create the assistant" }).click();
  await expect(page.getByText("Give it a name.")).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill(CHEF.name);
  await page.locator("label", { hasText: "🍲" }).click();
  await page.locator("label[title=Green]").click();
  await page.getByLabel("Description").fill(CHEF.description);
  await page.getByLabel("Instructions", { exact: true }).fill(CHEF.instructions);
  await page.getByLabel("Starter 1").fill(CHEF.starters[0] ?? "");
  await page.getByLabel("Date and time").check();
  await app.accessible();
  await app.picture("assistant-new");
  await page.getByRole("button", { name: "Create the assistant" }).click();

  // The chat beside it knows it, and leaves nothing behind.
  const trial = page.getByRole("region", { name: "Try it" });
  await expect(trial.getByRole("heading", { name: CHEF.name })).toBeVisible();
  await trial.getByRole("button", { name: CHEF.starters[0] ?? "" }).click();
  await page.getByRole("button", { name: "Send" }).click();
  await app.begun();
  await app.stop();
  await page.getByLabel("Instructions", { exact: true }).fill("Name quantities in cups.");
  await expect(trial.getByText("There are changes that it does not know yet.")).toBeVisible();
  await app.picture("assistant-editor");
  await app.accessible();
  await trial.getByRole("button", { name: "Save and begin anew" }).click();
  await expect(page.getByText("Saved.").last()).toBeVisible();
  expect((await (await page.request.get("/api/conversations")).json()).items).toEqual([]);

  // Its own page, from the gallery; who answers stands over the conversation and its replies.
  await page.getByRole("link", { name: "All assistants" }).click();
  await expect(page.getByRole("region", { name: "Yours" }).getByRole("listitem")).toHaveCount(1);
  await app.picture("assistants");
  await page.getByRole("searchbox").fill("botan");
  await expect(page.getByRole("region", { name: "Yours" })).toBeHidden();
  await page.getByRole("searchbox").fill("");
  await page.getByRole("region", { name: "Yours" }).getByRole("link").click();
  await expect(page.getByRole("heading", { name: CHEF.name })).toBeVisible();
  await app.accessible();
  await app.picture("assistant-home");
  await page.getByRole("button", { name: CHEF.starters[0] ?? "" }).click();
  await expect(app.composer).toHaveValue(CHEF.starters[0] ?? "");
  await page.getByRole("button", { name: "Send" }).click();
  await page.waitForURL(/\/c\//);
  await app.stop();
  await expect(app.replies.last()).toContainText(CHEF.name);
  await expect(page.getByRole("link", { name: `Talk with ${CHEF.name}` })).toBeVisible();
  const recent = page.getByRole("list", { name: "Recent assistants" });
  await expect(recent.getByRole("link", { name: CHEF.name })).toBeVisible();
  await app.accessible();
  await app.picture("assistant-conversation");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("talk with sous");
  await expect(page.getByRole("option", { name: `Talk with ${CHEF.name}` })).toBeVisible();
  await page.keyboard.press("Escape");

  await page
    .getByRole("button", { name: `Options for ${CHEF.name}` })
    .first()
    .click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("Replies go on without it.")).toBeVisible();
  await app.picture("assistant-gone");
  await context.close();
});

test("assistants on a phone, in French, in the dark", async ({ browser }) => {
  const name = `Botaniste ${Date.now()}`;
  const id = await shared(browser, name);
  const { app, page, context } = await signIn(browser, await somebody("Luc Perrin", "fr"), {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  await page.goto("/assistants");
  await expect(page.getByRole("region", { name: "Recommandés ici" })).toContainText(name);
  await app.accessible();
  await app.picture("phone-assistants-fr-dark");
  await page
    .getByRole("button", { name: `Options pour ${name}` })
    .first()
    .tap();
  await page.getByRole("menuitem", { name: "En faire une copie à moi" }).tap();
  await expect(page.getByLabel("Nom", { exact: true })).toHaveValue(name);
  await app.accessible();
  await app.picture("phone-assistant-editor-fr-dark");
  await page.getByRole("button", { name: "L’essayer" }).tap();
  await expect(page.getByRole("heading", { name })).toBeVisible();
  await app.picture("phone-assistant-trial-fr-dark");
  await page.goto(`/a/${id}`);
  await expect(page.getByText("par Noor Haddad")).toBeVisible();
  await app.accessible();
  await app.picture("phone-assistant-home-fr-dark");
  expect((await page.request.delete(`/api/assistants/${id}`)).status()).toBe(404);
  await context.close();
});

test("what is said of oneself is remembered, told, worded otherwise and forgotten", async ({ browser }) => {
  const { app, page, context } = await signIn(browser, await somebody("Ines Costa"));
  await app.open();
  await app.say("Remember that I keep bees in Brittany.");
  await page.waitForURL(/\/c\//);
  await app.ended();
  const updated = page.getByRole("link", { name: "Memory updated" });
  await expect(updated).toBeVisible();
  await app.accessible();
  await app.picture("memory-updated");
  await updated.click();
  const list = page.getByRole("list", { name: "What is remembered" });
  await expect(list.getByRole("listitem")).toContainText("I keep bees in Brittany.");
  await page.getByLabel("Remember something").fill("I teach at a village school.");
  await page.getByRole("button", { name: "Add" }).click();
  await expect(list.getByRole("listitem")).toHaveCount(2);
  await page.getByLabel("Remember something").fill("I teach at a VILLAGE school");
  await page.getByRole("button", { name: "Add" }).click();
  await expect(page.getByText("This is remembered already.")).toBeVisible();
  await page.getByRole("button", { name: "Change “I keep bees in Brittany.”" }).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("I keep goats in Brittany.");
  await page.keyboard.press("Enter");
  await expect(list.getByText("I keep goats in Brittany.")).toBeVisible();
  await app.accessible();
  await app.picture("memory");
  await page.getByRole("switch", { name: "Memory" }).click();
  await expect(page.getByText("It is off: kept here, told to no model, and nothing is added.")).toBeVisible();
  await page.getByRole("button", { name: "Forget “I teach at a village school.”" }).click();
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await page.getByRole("link", { name: /^in “/ }).click();
  await page.waitForURL(/\/c\//);
  await expect(page.locator("[data-role=user]")).toContainText("I keep bees in Brittany.");
  await page.goto("/settings/personalisation");
  await page.getByRole("button", { name: "Forget everything" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Forget everything" }).click();
  await expect(page.getByText("Nothing is remembered yet.")).toBeVisible();
  expect(await (await page.request.get("/api/memories")).json()).toMatchObject({ enabled: false, items: [] });
  await context.close();
});

test("memory on a phone, in French", async ({ browser }) => {
  const { app, page, context } = await signIn(browser, await somebody("Zoé Petit", "fr"), {
    ...phone,
    locale: "fr-FR",
  });
  for (const text of ["Je suis végétarienne.", "Mes filles ont six et neuf ans."])
    await page.request.post("/api/memories", { data: { text } });
  await page.goto("/settings/personalisation#memory");
  await expect(page.getByRole("list", { name: "Ce qui est retenu" }).getByRole("listitem")).toHaveCount(2);
  await app.accessible();
  await app.picture("phone-memory-fr");
  await context.close();
});
