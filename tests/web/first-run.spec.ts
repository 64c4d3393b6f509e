import { expect, owner, test } from "./causette";

test.use({ signedIn: false });

test("the one-time link makes the owner's account, once", async ({ app, page }) => {
  const link = process.env.CAUSETTE_TEST_LINK ?? "";

  await test.step("without the link there is nothing to set up", async () => {
    await page.goto("/");
    await expect(page).toHaveURL(/\/setup$/);
    await expect(page.getByRole("heading", { name: "Almost there" })).toBeVisible();
    await app.accessible();
  });

  await test.step("a wrong link is told apart from a right one", async () => {
    await page.goto("/setup?token=not-the-token");
    await page.getByLabel("Name").fill(owner.name);
    await page.getByLabel("E-mail").fill(owner.email);
    await page.getByLabel("Password", { exact: true }).fill(owner.password);
    await page.getByRole("button", { name: "Create my account" }).click();
    await expect(page.getByRole("heading", { name: "This link no longer works" })).toBeVisible();
  });

  await test.step("fields say what they need, and nothing typed is lost", async () => {
    await page.goto(link);
    await app.accessible();
    await page.getByLabel("Name").fill(owner.name);
    await page.getByLabel("E-mail").fill("camille");
    await page.getByLabel("Password", { exact: true }).fill("short");
    await page.getByRole("button", { name: "Create my account" }).click();
    await expect(page.getByText("Write a full e-mail address")).toBeVisible();
    await expect(page.getByText("Use at least 10 characters.")).toBeVisible();
    await expect(page.getByLabel("E-mail")).toBeFocused();
    await app.picture("setup-errors");
    await app.accessible();
    await page.getByLabel("E-mail").fill(owner.email);
    await page.getByLabel("Password", { exact: true }).fill("password123456");
    await page.getByRole("button", { name: "Create my account" }).click();
    await expect(page.getByText("This password is too easy to guess.")).toBeVisible();
    await expect(page.getByLabel("Name")).toHaveValue(owner.name);
  });

  await test.step("the account is made, and the conversation can begin", async () => {
    await page.getByLabel("Password", { exact: true }).fill(owner.password);
    await expect(page.getByText(/^Strength: Strong$/)).toBeVisible();
    await expect(page.getByRole("alert")).toBeHidden();
    await app.picture("setup");
    await page.getByRole("button", { name: "Create my account" }).click();
    await expect(page.getByRole("heading", { name: /Good \w+, Camille/ })).toBeVisible();
    await expect(page.getByText("Your conversations will be kept here.")).toBeVisible();
    await expect(page.getByRole("button", { name: /^Model: / })).toBeVisible();
    await expect(page.getByText("No model is installed yet.")).toBeHidden();
    await app.picture("welcome");
    await page.context().storageState({ path: process.env.CAUSETTE_TEST_STATE ?? "" });
  });

  await test.step("the link is spent", async () => {
    await page.context().clearCookies();
    await page.goto(link);
    await expect(page.getByRole("heading", { name: "This server already has an owner" })).toBeVisible();
    await page.getByRole("link", { name: "Go to sign in" }).click();
    await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
  });
});
