import { readFileSync } from "node:fs";
import { expect, letter, owner, phone, signIn, somebody, stranger, test } from "./causette";

test("French is spoken where the browser asks for it", async ({ browser, baseURL }) => {
  const context = await browser.newContext({
    locale: "fr-FR",
    baseURL: baseURL ?? "",
    storageState: stranger,
  });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await expect(page.getByRole("heading", { name: "Content de vous revoir" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "fr");
  await context.close();
});

test("language and theme are chosen, kept, and follow the account to another browser", async ({
  browser,
  baseURL,
}) => {
  const person = await somebody("Lise Tournier");
  const { context, page, app } = await signIn(browser, person);
  await app.open();
  await page.getByRole("button", { name: /Account and settings/ }).click();
  await page.getByRole("menuitem", { name: "Settings" }).click();
  await expect(page.getByRole("heading", { name: "Profile" })).toBeVisible();
  await app.picture("settings-profile");
  await app.accessible();
  await page.getByRole("radio", { name: "Français" }).check();
  await expect(page.getByRole("heading", { name: "Profil" })).toBeVisible();
  await page.getByRole("radio", { name: "Sombre" }).check();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await app.picture("settings-profile-french-dark");
  await app.accessible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await expect(page.getByText("De quoi parle-t-on")).toBeVisible();
  await expect
    .poll(async () => {
      const { locale, theme } = await (await page.request.get("/api/session")).json();
      return [locale, theme];
    })
    .toEqual(["fr", "dark"]);
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(page.locator("html")).toHaveAttribute("lang", "fr");
  await app.picture("welcome-french-dark");
  await app.accessible();

  const elsewhere = await browser.newContext({
    locale: "en-GB",
    baseURL: baseURL ?? "",
    storageState: stranger,
  });
  const other = await elsewhere.newPage();
  await other.goto("/");
  await other.getByLabel("E-mail").fill(person.email);
  await other.getByLabel("Password", { exact: true }).fill(person.password);
  await other.keyboard.press("Enter");
  await expect(other.getByText("De quoi parle-t-on")).toBeVisible();
  await expect(other.locator("html")).toHaveAttribute("data-theme", "dark");
  await elsewhere.close();

  await page.goto("/settings/profile");
  await page.getByRole("radio", { name: "Comme l’appareil" }).check();
  await page.getByRole("radio", { name: "English" }).check();
  await expect(page.getByRole("heading", { name: "Profile" })).toBeVisible();
  await expect.poll(async () => (await (await page.request.get("/api/session")).json()).locale).toBe("en");
  await context.close();
});

test("the settings have addresses, and Escape leads back to the conversation", async ({ app, page }) => {
  const id = await app.conversation("What is a quince?");
  await page.keyboard.press("Control+,");
  await expect(page).toHaveURL(/\/settings$/);
  const list = page.getByRole("navigation", { name: "Settings" });
  await list.getByRole("link", { name: "Security" }).click();
  await expect(page).toHaveURL(/\/settings\/security$/);
  await expect(page).toHaveTitle("Security · Settings · Causette");
  await expect(list.getByRole("link", { name: "Security" })).toHaveAttribute("aria-current", "page");
  await page.goBack();
  await expect(page.getByRole("heading", { name: "Profile" })).toBeVisible();

  await page.getByRole("button", { name: "Change" }).click();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(page).toHaveURL(/\/settings$/);
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(new RegExp(`/c/${id}$`));
  await expect(page.locator("[data-role=user]")).toContainText("What is a quince?");

  await page.goto("/settings/sessions");
  await expect(page.getByText("This device")).toBeVisible();
});

test("on a phone the list comes first, then the page", async ({ browser }) => {
  const person = await somebody("Louis Adam");
  const { context, page, app } = await signIn(browser, person, phone);
  await page.goto("/settings");
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
  await app.picture("phone-settings");
  await app.accessible();
  const item = await page.getByRole("link", { name: "Profile" }).boundingBox();
  expect(item?.height).toBeGreaterThanOrEqual(44);
  await page.getByRole("link", { name: "Profile" }).tap();
  await expect(page.getByRole("heading", { name: "Profile" })).toBeVisible();
  await expect(page.getByRole("main")).toBeFocused();
  await app.picture("phone-profile");
  await app.accessible();
  await page.getByRole("link", { name: "Settings" }).tap();
  await page.getByRole("link", { name: "Back to the conversations" }).tap();
  await expect(app.composer).toBeVisible();
  await context.close();
});

test("a name and an address are changed", async ({ browser }) => {
  const person = await somebody("Tom Girard");
  const { context, page } = await signIn(browser, person);
  await page.goto("/settings/profile");
  await page.getByRole("textbox", { name: "Name" }).fill("Thomas Girard");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();

  const email = `thomas.${Date.now()}@example.org`;
  await page.getByRole("button", { name: "Change" }).click();
  const dialog = page.getByRole("dialog", { name: "Change your e-mail address" });
  await dialog.getByLabel("New e-mail address").fill(person.email);
  await dialog.getByRole("button", { name: "Send the link" }).click();
  await expect(dialog.getByText("This is your address already.")).toBeVisible();
  await dialog.getByLabel("New e-mail address").fill(email);
  await dialog.getByRole("button", { name: "Send the link" }).click();
  await expect(page.getByText(`A link was sent to ${email}.`)).toBeVisible();
  await expect(page.getByText(person.email)).toBeVisible();

  const link = await letter(email, "/email-change");
  const other = await somebody("Ines Robert");
  const theirs = await signIn(browser, other);
  await theirs.page.goto(link);
  await theirs.page.getByRole("button", { name: "Confirm this address" }).click();
  await expect(theirs.page.getByText(other.email)).toBeVisible();
  await theirs.app.accessible();
  await theirs.page.getByRole("button", { name: "Sign out and go on" }).click();
  await expect(theirs.page).toHaveURL(/\/sign-in\?next=/);
  await theirs.page.getByLabel("E-mail").fill(person.email);
  await theirs.page.getByLabel("Password", { exact: true }).fill(person.password);
  await theirs.page.getByRole("button", { name: "Sign in", exact: true }).click();
  await theirs.page.getByRole("button", { name: "Confirm this address" }).click();
  await expect(theirs.page.getByRole("heading", { name: "Your address is changed" })).toBeVisible();
  await theirs.context.close();
  await page.goto("/settings/profile");
  await expect(page.getByText(email)).toBeVisible();
  await context.close();
});

test("a session elsewhere is ended, and then all others", async ({ browser }) => {
  const person = await somebody("Nina Perez");
  const { context, page, app } = await signIn(browser, person);
  const others = [await signIn(browser, person), await signIn(browser, person, phone)];
  const alive = async () =>
    Promise.all(others.map(async (other) => (await other.context.request.get("/api/session")).status()));
  await page.goto("/settings/sessions");
  const list = page.getByRole("list", { name: "Sessions" });
  await expect(list.getByRole("listitem")).toHaveCount(3);
  await expect(list.getByRole("listitem").first()).toContainText("This device");
  await app.picture("settings-sessions");
  await app.accessible();
  await list
    .getByRole("button", { name: /^Sign out/ })
    .first()
    .click();
  await expect(list.getByRole("listitem")).toHaveCount(2);
  expect((await alive()).toSorted()).toEqual([200, 401]);
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere else" }).click();
  await expect(page.getByText("You are signed in nowhere else.")).toBeVisible();
  expect(await alive()).toEqual([401, 401]);
  await Promise.all([context, ...others.map((other) => other.context)].map((each) => each.close()));
});

test("one's data is taken along, and the account deleted", async ({ browser }) => {
  const person = await somebody("Rosa Lind");
  const { context, page, app } = await signIn(browser, person);
  await page.goto("/settings/data");
  await app.picture("settings-data");
  await app.accessible();
  await page.getByRole("button", { name: "Make the archive" }).click();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: /^Download \(/ }).click(),
  ]);
  expect(
    readFileSync(await file.path())
      .subarray(0, 2)
      .toString(),
  ).toBe("PK");

  await page.getByRole("button", { name: "Delete my account" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete your account?" });
  await expect(dialog.getByRole("button", { name: "Delete my account" })).toBeDisabled();
  await dialog.getByLabel(/to confirm/).fill(person.email);
  await app.picture("settings-delete");
  await app.accessible();
  await dialog.getByRole("button", { name: "Delete my account" }).click();
  await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
  await expect(page.getByText("Your account is deleted.")).toBeVisible();
  const { email, password } = person;
  expect((await context.request.post("/api/session", { data: { email, password } })).status()).toBe(401);
  await context.close();
});

test("the only owner is kept from leaving the house without one", async ({ browser }) => {
  const { context, page } = await signIn(browser, owner);
  await page.goto("/settings/data");
  await page.getByRole("button", { name: "Delete my account" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/to confirm/).fill(owner.email);
  await dialog.getByRole("button", { name: "Delete my account" }).click();
  await expect(dialog.getByRole("alert")).toContainText("You are the only owner");
  await context.close();
});

test("the device's dark theme is followed without being chosen", async ({ app, page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await app.open();
  const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  expect(await paper()).toBe("rgb(23, 22, 20)");
  await page.emulateMedia({ colorScheme: "light" });
  expect(await paper()).toBe("rgb(251, 250, 247)");
});

test.describe("signing in and out", () => {
  test.use({ signedIn: false });

  test("asks for nothing that a stranger is refused", async ({ page }) => {
    const refused: string[] = [];
    page.on("response", (answer) => {
      if (answer.status() >= 400) refused.push(answer.url());
    });
    await page.goto("/");
    await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
    await page.waitForLoadState("networkidle");
    expect(refused).toEqual([]);
  });

  test("leads back to the page that was asked for", async ({ app, page }) => {
    await page.goto("/c/conv_0199a1b2c3d4e5f60718293a4b5c6d7e");
    await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
    await app.picture("sign-in");
    await page.getByLabel("E-mail").fill(owner.email);
    await page.getByLabel("Password", { exact: true }).fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("alert")).toContainText("do not go together");
    await app.accessible();
    await page.getByLabel("Password", { exact: true }).fill(owner.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("heading", { name: "There is no such conversation." })).toBeVisible();
    await expect(page).toHaveURL(/\/c\/conv_/);

    await page.getByRole("button", { name: /Account and settings/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
    expect((await page.request.get("/api/session")).status()).toBe(401);
  });
});
