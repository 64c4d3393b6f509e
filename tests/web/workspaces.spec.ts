import { expect, phone, signIn, somebody, test } from "./causette";

test("a workspace is made, shared, acted for and left", async ({ browser }) => {
  const founder = await somebody("Alice Morel");
  const guest = await somebody("Bruno Costa");
  const { context, page, app } = await signIn(browser, founder);
  await page.goto("/settings/workspaces");
  await expect(page.getByText("No workspace yet")).toBeVisible();
  await app.picture("settings-workspaces-empty");
  await page.getByRole("button", { name: "New workspace" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Lighthouse Press");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Lighthouse Press" })).toBeVisible();
  const path = new URL(page.url()).pathname;

  await page.getByRole("button", { name: "Invite", exact: true }).click();
  const invite = page.getByRole("dialog", { name: "Invite somebody" });
  await invite.getByLabel("E-mail").fill(guest.email);
  await app.picture("settings-workspace-invite");
  await app.accessible();
  await invite.getByRole("button", { name: "Send the invitation" }).click();
  const sent = page.getByRole("dialog", { name: "The invitation is on its way" });
  const link = await sent.locator("code").innerText();
  await sent.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("list", { name: "Open invitations" })).toContainText(guest.email);

  const other = await browser.newContext({
    ...phone,
    locale: "en-GB",
    storageState: { cookies: [], origins: [] },
  });
  const there = await other.newPage();
  await there.goto(link);
  // Whoever is not signed in yet comes to the invitation afterwards.
  await there.getByLabel("E-mail").fill(guest.email);
  await there.getByLabel("Password", { exact: true }).fill(guest.password);
  await there.getByRole("button", { name: "Sign in", exact: true }).tap();
  await expect(there.getByRole("heading", { name: "Join Lighthouse Press" })).toBeVisible();
  await there.screenshot({ path: "../artifacts/screenshots/phone-join.png" });
  await there.getByRole("button", { name: "Join" }).tap();
  await expect(there.getByRole("heading", { name: "Lighthouse Press" })).toBeVisible();
  await expect(there.getByRole("list", { name: "Members" })).toContainText("Alice Morel");
  await expect(there.getByRole("button", { name: "Invite" })).toBeHidden();
  await there.screenshot({ path: "../artifacts/screenshots/phone-workspace.png" });

  await page.reload();
  const members = page.getByRole("list", { name: "Members" });
  await members.getByLabel("Role of Bruno Costa").selectOption("Admin");
  await expect(page.getByText("Bruno Costa: Admin.")).toBeVisible();
  await members.getByLabel("Role of Alice Morel").selectOption("Member");
  await expect(page.getByRole("alert")).toContainText("You are its only owner.");
  await app.picture("settings-workspace");
  await app.accessible();
  await there.reload();
  await expect(there.getByRole("button", { name: "Invite" })).toBeVisible();

  await test.step("keys are made for whom one acts for", async () => {
    await page.getByRole("button", { name: "Act for Lighthouse Press" }).click();
    await expect(page.getByText("You act for it now")).toBeVisible();
    await page.getByRole("navigation", { name: "Settings" }).getByRole("link", { name: "API keys" }).click();
    await expect(page.getByText("These keys act for Lighthouse Press")).toBeVisible();
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("Shared");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "I have kept it" }).click();
    await expect(page.getByText("Shared", { exact: true })).toBeVisible();
    await page.goto("/");
    await page.getByRole("button", { name: /Account and settings/ }).click();
    await expect(page.getByRole("menuitemradio", { name: "Lighthouse Press" })).toBeChecked();
    await app.picture("account-menu");
    await app.accessible();
    await page.getByRole("menuitemradio", { name: "Yourself" }).click();
    await page.goto("/settings/keys");
    await expect(page.getByText("No keys yet")).toBeVisible();
  });

  await test.step("who is removed acts for themselves again", async () => {
    await there.getByRole("button", { name: "Act for Lighthouse Press" }).tap();
    await expect(there.getByText("You act for it now")).toBeVisible();
    await page.goto(path);
    await page.getByRole("button", { name: "Remove: Bruno Costa" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect(page.getByText("Bruno Costa is in the workspace no more.")).toBeVisible();
    await there.goto("/settings/keys");
    await expect(there.getByText("No keys yet")).toBeVisible();
    await there.goto(path);
    await expect(there.getByText("you are in it no more")).toBeVisible();
  });

  await page.getByRole("button", { name: "Delete", exact: true }).click();
  const confirm = page.getByRole("dialog", { name: "Delete the workspace" });
  await expect(confirm.getByRole("button", { name: "Delete" })).toBeDisabled();
  await confirm.getByLabel(/to confirm/).fill("Lighthouse Press");
  await confirm.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("No workspace yet")).toBeVisible();
  await Promise.all([context.close(), other.close()]);
});

test("the workspaces are told in French on a phone", async ({ browser }) => {
  const person = await somebody("Élise Garnier", "fr");
  const { context, page, app } = await signIn(browser, person, {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  await context.request.post("/api/workspaces", { data: { name: "Atelier du Nord" } });
  await page.goto("/settings/workspaces");
  await page.getByRole("radio", { name: "Atelier du Nord" }).check();
  await app.picture("phone-workspaces-french-dark");
  await app.accessible();
  await page.getByRole("link", { name: "Atelier du Nord" }).tap();
  await expect(page.getByText("Vous agissez pour lui")).toBeVisible();
  await app.picture("phone-workspace-french-dark");
  await app.accessible();
  await context.close();
});
