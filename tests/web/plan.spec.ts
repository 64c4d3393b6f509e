import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, phone, signIn, somebody, test } from "./causette";

const file = join(process.env.CAUSETTE_TEST_DATA ?? "", "plans.toml");

/** What the server reads again within a second. */
async function sells(page: import("@playwright/test").Page, toml: string): Promise<void> {
  writeFileSync(file, toml);
  const wanted = /default_plan = "(\w+)"/.exec(toml)?.[1];
  await expect
    .poll(async () => (await (await page.request.get("/api/admin/plans")).json()).default_plan)
    .toBe(wanted);
}

test.afterAll(() => rmSync(file, { force: true }));

test("where nothing is sold, the plan's page says so calmly", async ({ app, page }) => {
  await page.goto("/settings/plan");
  await expect(page.getByRole("heading", { name: "Nothing is sold here" })).toBeVisible();
  await expect(page.getByText("There is no limit.")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Other plans" })).toBeHidden();
  await app.accessible();
  await app.picture("plan-nothing-sold");
});

test("a plan says what it includes, how far it is used, and what the others cost", async ({ app, page }) => {
  await sells(page, 'default_plan = "free"\n');
  await app.conversation("Count to three.");
  await page.goto("/settings/plan");
  await expect(page.getByRole("heading", { name: "Free", exact: true })).toBeVisible();
  await expect(page.getByRole("progressbar", { name: "Messages in 3 hours" })).toBeVisible();
  await expect(page.getByText(/Starts again in 3 hours/)).toBeVisible();
  await expect(page.getByText("From 1 January 2029 the price is $44.00 a month.")).toBeVisible();
  await expect(page.getByText("Plans are given here by whoever runs this server.")).toBeVisible();
  await app.accessible();
  await app.picture("plan-free");

  await test.step("what costs nothing can be chosen, and cancelled", async () => {
    await page.getByRole("button", { name: "Choose API, pay as you go" }).click();
    await app.accessible();
    await page.getByRole("button", { name: "Change plan" }).click();
    await expect(page.getByRole("heading", { name: "API, pay as you go", exact: true })).toBeVisible();
    await expect(page.getByRole("heading", { name: "What tokens cost" })).toBeVisible();
    await app.picture("plan-api");
    await page.getByRole("button", { name: "Cancel the plan" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the plan" }).click();
    await expect(page.getByRole("button", { name: "Keep the plan" })).toBeVisible();
  });

  await test.step("without credit a reply is refused, with the way to what helps", async () => {
    await app.open();
    await app.say("Hello");
    await expect(page.getByText("Your credit or your budget does not pay for this reply.")).toBeVisible();
    await app.picture("quota-reached");
    await page.getByRole("link", { name: "See your plan" }).click();
    await expect(page).toHaveURL(/\/settings\/plan$/);
  });
});

test("an upgrade is previewed before it is made, and its invoices can be read", async ({ app, page }) => {
  await sells(page, 'default_plan = "free"\n');
  const { id } = await (await page.request.get("/api/session")).json();
  const given = await page.request.put(`/api/admin/accounts/${id}/plan`, {
    data: { plan_id: "plus", collection: "invoice" },
  });
  expect(given.ok()).toBe(true);
  await page.goto("/settings/plan");
  await page.getByRole("button", { name: "Choose Team" }).click();
  await expect(page.getByText("To be paid")).toBeVisible();
  await expect(page.getByText("$60.00")).toBeVisible();
  await app.picture("plan-preview");
  await app.accessible();
  await page.getByRole("button", { name: "Change plan" }).click();
  await expect(page.getByRole("heading", { name: "Team", exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Choose Plus" }).click();
  await expect(page.getByText(/You keep what you have until/)).toBeVisible();
  await page.keyboard.press("Escape");

  await page.goto("/settings/invoices");
  await app.accessible();
  await page
    .getByRole("list", { name: "Invoices" })
    .getByRole("link", { name: /^Invoice/ })
    .first()
    .click();
  await expect(page.getByRole("cell", { name: /Team × 2: the rest of the period/ })).toBeVisible();
  await app.accessible();
  await app.picture("invoice");
  expect((await page.request.delete(`/api/admin/accounts/${id}/plan?at_once=true`)).ok()).toBe(true);
});

const PLAIN = `default_plan = "plain"
[plan.plain]
title = { en = "Plain", fr = "Simple" }
models = ["*"]
features = []
weight = 1
included = { everything = true }
`;

test("where the plan has no files, whoever chooses, drops or pastes one is told", async ({
  browser,
  page: owners,
}) => {
  await sells(owners, PLAIN);
  const { app, page, context } = await signIn(browser, await somebody("Rose Marchand"));
  await app.open();
  const told = page.getByRole("alert").filter({ hasText: "Your plan does not include files." });
  await page.getByRole("button", { name: "Attach files" }).click();
  await expect(told).toBeVisible();
  await app.picture("plan-without-files");
  await app.accessible();
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect(told).toBeHidden();

  const handed = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(["words"], "notes.txt", { type: "text/plain" }));
    return data;
  });
  await page.dispatchEvent("body", "dragenter", { dataTransfer: handed });
  await expect(page.getByText("Your plan does not include files.")).toBeVisible();
  await page.dispatchEvent("body", "drop", { dataTransfer: handed });
  await expect(told).toBeVisible();
  await page.getByRole("button", { name: "Dismiss" }).click();
  await app.composer.evaluate((element, data) => {
    element.dispatchEvent(
      new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }),
    );
  }, handed);
  await expect(told).toBeVisible();
  await expect(page.getByRole("list", { name: "Files for this message" })).toBeHidden();
  await told.getByRole("link", { name: "See your plan" }).click();
  await expect(page).toHaveURL(/\/settings\/plan$/);
  await context.close();

  const french = await signIn(browser, await somebody("Luc Perrin", "fr"), {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  await french.app.open();
  await french.page.getByRole("button", { name: "Joindre des fichiers" }).tap();
  await expect(french.page.getByText("Votre formule ne comprend pas les fichiers.")).toBeVisible();
  await french.app.picture("phone-plan-without-files-fr-dark");
  await french.app.accessible();
  await french.context.close();
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("plan and usage fit, in the dark and in French", async ({ app, page }) => {
    await sells(page, 'default_plan = "free"\n');
    await page.emulateMedia({ colorScheme: "dark" });
    await page.addInitScript(() => localStorage.setItem("causette.locale", "fr"));
    for (const [path, heading] of [
      ["plan", "Formule"],
      ["usage", "Consommation"],
    ] as const) {
      await page.goto(`/settings/${path}`);
      await expect(page.getByRole("heading", { name: heading, exact: true })).toBeVisible();
      await expect(page.locator("[role=status].late")).toHaveCount(0);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
      await app.accessible();
      await app.picture(`${path}-phone`);
    }
  });
});
