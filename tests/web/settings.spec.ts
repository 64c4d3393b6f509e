import { expect, owner, test } from "./causette";

/** A browser that nobody has signed in with. */
const stranger = { cookies: [], origins: [] };

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
  app,
  page,
  browser,
  baseURL,
}) => {
  await app.open();
  await page.getByRole("button", { name: /Account and settings/ }).click();
  await page.getByRole("menuitemradio", { name: "Français" }).click();
  await expect(page.getByText("De quoi parle-t-on")).toBeVisible();
  await app.picture("welcome-french");
  await page.getByRole("button", { name: /Compte et réglages/ }).click();
  await page.getByRole("menuitemradio", { name: "Sombre" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
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
  await other.getByLabel("E-mail").fill(owner.email);
  await other.getByLabel("Password", { exact: true }).fill(owner.password);
  await other.keyboard.press("Enter");
  await expect(other.getByText("De quoi parle-t-on")).toBeVisible();
  await expect(other.locator("html")).toHaveAttribute("data-theme", "dark");
  await elsewhere.close();

  await page.getByRole("button", { name: /Compte et réglages/ }).click();
  await page.getByRole("menuitemradio", { name: "Comme l’appareil" }).click();
  await page.getByRole("button", { name: /Compte et réglages/ }).click();
  await page.getByRole("menuitemradio", { name: "English" }).click();
  await expect(page.getByText("What shall we talk about?")).toBeVisible();
  await expect.poll(async () => (await (await page.request.get("/api/session")).json()).locale).toBe("en");
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
