import { App, expect, owner, phone, test } from "./causette";

const guest = { name: "Noor Haddad", email: "noor@example.org", password: "granite lantern otter dusk" };

test.beforeAll(async ({ playwright, baseURL }) => {
  // Invited by the owner, as a letter in the log would have it.
  const asOwner = await playwright.request.newContext({
    baseURL: baseURL ?? "",
    storageState: process.env.CAUSETTE_TEST_STATE ?? "",
  });
  const invited = await asOwner.post("/api/invitations", { data: { email: guest.email } });
  // After a failure the journeys go on in another process, and she is here already.
  if (invited.ok()) {
    const { link } = await invited.json();
    const stranger = await playwright.request.newContext({
      baseURL: baseURL ?? "",
      storageState: { cookies: [], origins: [] },
    });
    const made = await stranger.post("/api/sign-up", {
      data: {
        name: guest.name,
        password: guest.password,
        invitation: new URL(link).searchParams.get("invitation"),
      },
    });
    expect(made.ok()).toBe(true);
    await stranger.dispose();
  }
  await asOwner.dispose();
});

test("who runs the house finds somebody, gives, caps and disables, and all of it is on record", async ({
  app,
  page,
}) => {
  await app.open();
  await page.getByRole("button", { name: /Account and settings/ }).click();
  await page.getByRole("menuitem", { name: "Console" }).click();
  await expect(page.getByRole("heading", { name: "People" })).toBeVisible();
  await app.accessible();
  await app.picture("console-people");
  await expect(page.getByRole("link", { name: new RegExp(`${guest.email}.*House`) })).toBeVisible();
  await page.getByRole("searchbox").fill(guest.email);
  await expect(page.getByRole("link", { name: new RegExp(owner.email) })).toBeHidden();
  await page.getByRole("link", { name: new RegExp(guest.email) }).click();
  await expect(page.getByRole("heading", { name: guest.name })).toBeVisible();

  await page.getByRole("button", { name: "Give a plan" }).click();
  await page.getByRole("combobox", { name: "Plan" }).selectOption("Plus");
  await page.getByLabel("Its price").selectOption("Is invoiced each month");
  await app.accessible();
  await page.getByRole("dialog").getByRole("button", { name: "Give a plan" }).click();
  await expect(page.getByRole("button", { name: "Take it back" })).toBeVisible();
  await page.getByRole("button", { name: /Mark as paid/ }).click();
  await expect(page.getByRole("button", { name: /Mark as paid/ })).toBeHidden();

  await page.getByRole("button", { name: "Give credit" }).click();
  await page.getByLabel("US dollars").fill("five");
  await page.getByRole("dialog").getByRole("button", { name: "Give credit" }).click();
  await expect(page.getByText("Write an amount, such as 5 or 0.25.")).toBeVisible();
  await page.getByLabel("US dollars").fill("5");
  await page.getByLabel("Why").fill("For the outage");
  await page.getByRole("dialog").getByRole("button", { name: "Give credit" }).click();
  await expect(page.getByText("$5.00", { exact: true })).toBeVisible();

  await page.getByRole("button", { name: "Set a budget" }).click();
  await page.getByLabel("At most").fill("25");
  await page.getByRole("dialog").getByRole("button", { name: "Set a budget" }).click();
  await expect(page.getByRole("progressbar", { name: "Spending a month" })).toBeVisible();
  await app.accessible();
  await app.picture("console-account");

  await page.getByRole("button", { name: "Disable" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await expect(page.getByRole("button", { name: "Let them in again" })).toBeVisible();
  await page.getByRole("button", { name: "Let them in again" }).click();
  await expect(page.getByRole("button", { name: "Disable" })).toBeVisible();

  await page.getByRole("link", { name: "Audit log" }).click();
  const log = page.getByRole("list", { name: "Audit log" });
  await expect(log.getByRole("listitem").first()).toContainText("Let in again");
  await expect(log).toContainText("Credit: $5.00 · Why: For the outage");
  await expect(log).toContainText("Plan: Plus");
  await expect(log).not.toContainText("_");
  await app.accessible();
  await app.picture("console-audit");
});

test("plans, keys, usage and one request", async ({ app, page }) => {
  await app.conversation("Count to three.");
  await page.goto("/console/plans");
  await expect(page.getByRole("rowheader", { name: /Plus/ })).toBeVisible();
  await app.accessible();
  await app.picture("console-plans");
  await page.goto("/console/keys");
  await expect(page.getByRole("heading", { name: "API keys" })).toBeVisible();
  await app.accessible();
  await page.goto("/console/usage");
  await expect(page.getByRole("figure", { name: "Tokens" })).toBeVisible();
  await app.accessible();
  await app.picture("console-usage");
  const { items } = await (await page.request.get("/api/admin/requests?limit=1")).json();
  await page.getByLabel("Id of the request").fill(items[0].id);
  await page.getByRole("button", { name: "Open" }).click();
  await expect(page.getByRole("heading", { name: "Request" })).toBeVisible();
  await expect(page.getByText(owner.email).first()).toBeVisible();
  await app.accessible();
  await app.picture("console-request");
});

test("all of it on a phone, in French, in the dark", async ({ app, browser, baseURL }) => {
  await app.conversation("Count to four.");
  const context = await browser.newContext({
    ...phone,
    baseURL: baseURL ?? "",
    colorScheme: "dark",
    locale: "fr-FR",
    storageState: process.env.CAUSETTE_TEST_STATE ?? "",
  });
  const page = await context.newPage();
  const small = new App(page);
  const { items } = await (await page.request.get("/api/admin/requests?limit=1")).json();
  const { items: people } = await (await page.request.get("/api/admin/people")).json();
  for (const [path, name] of [
    ["people", "people"],
    [`people/${people.at(-1).id}`, "account"],
    ["workspaces", "workspaces"],
    ["plans", "plans"],
    ["keys", "keys"],
    ["usage", "usage"],
    [`usage/${items[0].id}`, "request"],
    ["audit", "audit"],
  ] as const) {
    await page.goto(`/console/${path}`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await page.waitForLoadState("networkidle");
    await small.accessible();
    await small.picture(`console-${name}-phone-fr-dark`);
    // Nothing but tables may be wider than the screen, and those scroll by themselves.
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wide, `${path} is too wide`).toBeLessThanOrEqual(0);
  }
  await context.close();
});

test.describe("whoever only uses the house", () => {
  test.use({ signedIn: false });

  test("finds no console", async ({ app, page }) => {
    await page.goto("/sign-in?next=/console");
    await page.getByLabel("E-mail").fill(guest.email);
    await page.getByLabel("Password", { exact: true }).fill(guest.password);
    await page.keyboard.press("Enter");
    await expect(
      page.getByRole("heading", { name: "This page is for those who run this Causette" }),
    ).toBeVisible();
    expect((await page.request.get("/api/admin/people")).status()).toBe(403);
    await app.accessible();
  });
});
