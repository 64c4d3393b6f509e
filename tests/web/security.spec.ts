import type { CDPSession, Page } from "@playwright/test";
import { App, expect, localhost, phone, signIn, somebody, test, totp } from "./causette";

/** A device with a passkey for everything, and a person who always agrees. */
async function authenticator(page: Page): Promise<CDPSession> {
  const device = await page.context().newCDPSession(page);
  await device.send("WebAuthn.enable");
  await device.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return device;
}

async function signOut(page: Page): Promise<void> {
  await page.goto("/");
  await page.getByRole("button", { name: /Account and settings/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
}

test("a password is changed with the present one, and other browsers are signed out", async ({ browser }) => {
  const person = await somebody("Ines Faure");
  const other = await signIn(browser, person);
  const { context, page, app } = await signIn(browser, person);
  await page.goto("/settings/security");
  await page.getByRole("button", { name: "Change", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Change your password" });
  await dialog.getByLabel("Present password", { exact: true }).fill("not mine at all");
  await dialog.getByLabel("New password", { exact: true }).fill("velvet harbour lantern pine");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByText("This is not your password.")).toBeVisible();
  await app.picture("settings-password");
  await app.accessible();
  await dialog.getByLabel("Present password", { exact: true }).fill(person.password);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Your password is changed.")).toBeVisible();
  await expect(dialog).toBeHidden();
  expect((await other.context.request.get("/api/session")).status()).toBe(401);
  expect((await context.request.get("/api/session")).status()).toBe(200);
  await Promise.all([context.close(), other.context.close()]);
});

test("two steps are turned on, asked for, got through without the phone, and turned off", async ({
  browser,
}) => {
  const person = await somebody("Marc Petit");
  const { context, page, app } = await signIn(browser, person);
  await page.goto("/settings/security");
  const section = page.getByRole("region", { name: "Two-step verification" });
  await section.getByRole("button", { name: "Turn on" }).click();
  const enrol = page.getByRole("dialog", { name: "Connect your authenticator app" });
  await expect(enrol.getByRole("img")).toBeVisible();
  await app.picture("settings-two-step");
  await app.accessible();
  const secret = await enrol.locator("code").innerText();
  await enrol.getByLabel("Code from the app").fill("000000");
  await enrol.getByRole("button", { name: "Turn on" }).click();
  await expect(enrol.getByText("This code is not right.")).toBeVisible();
  await enrol.getByLabel("Code from the app").fill(totp(secret, -1));
  await enrol.getByRole("button", { name: "Turn on" }).click();

  const codes = page.getByRole("dialog", { name: "Keep these recovery codes" });
  await expect(codes.getByRole("listitem")).toHaveCount(10);
  const recovery = await codes.getByRole("listitem").first().innerText();
  await app.picture("settings-recovery-codes");
  await app.accessible();
  await page.keyboard.press("Escape");
  await expect(codes).toBeVisible();
  await page.emulateMedia({ media: "print" });
  await expect(codes.getByRole("listitem").first()).toBeVisible();
  await expect(page.getByRole("heading", { name: "Security", includeHidden: true })).toBeHidden();
  await page.emulateMedia({ media: "screen" });
  await codes.getByRole("button", { name: "I have kept them" }).click();
  await expect(section.getByText("You have 10 recovery codes left.")).toBeVisible();
  await app.picture("settings-security");

  await signOut(page);
  const enter = async () => {
    await page.getByLabel("E-mail").fill(person.email);
    await page.getByLabel("Password", { exact: true }).fill(person.password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await expect(page.getByRole("heading", { name: "One more step" })).toBeVisible();
  };
  await enter();
  await page.getByLabel("Code").fill("000000");
  await expect(page.getByText("This code is not right, or has been used.")).toBeVisible();
  await app.picture("sign-in-code");
  await app.accessible();
  await page.getByLabel("Code").fill(totp(secret));
  await expect(page.getByText("What shall we talk about?")).toBeVisible();

  await signOut(page);
  // As who comes back from an account elsewhere is sent here.
  const first = await context.request.post("/api/session", {
    data: { email: person.email, password: person.password },
  });
  const { challenge } = await first.json();
  await page.goto(`/sign-in?next=${encodeURIComponent("/settings/security")}#challenge=${challenge}`);
  await expect(page.getByRole("heading", { name: "One more step" })).toBeVisible();
  expect(page.url()).not.toContain(challenge);
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.getByLabel("Recovery code").fill(recovery);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(/\/settings\/security$/);
  await expect(section.getByText("You have 9 recovery codes left.")).toBeVisible();
  await section.getByRole("button", { name: "Turn off" }).click();
  await page
    .getByRole("dialog", { name: "Turn off two-step verification" })
    .getByRole("button", { name: "Turn off" })
    .click();
  await expect(section.getByRole("button", { name: "Turn on" })).toBeVisible();
  await context.close();
});

test("whoever has been signed in for long is asked for the password first", async ({ browser }) => {
  const person = await somebody("Sam Weber");
  const { context, page, app } = await signIn(browser, person);
  // As the server answers a quarter of an hour after signing in.
  await page.route(
    "**/api/user/totp",
    (route) =>
      route.fulfill({
        status: 403,
        json: {
          type: "about:blank",
          title: "",
          status: 403,
          detail: "Confirm.",
          code: "confirmation_required",
        },
      }),
    { times: 1 },
  );
  await page.goto("/settings/security");
  await page.getByRole("button", { name: "Turn on" }).click();
  const question = page.getByRole("dialog", { name: "Is it still you?" });
  await question.getByLabel("Password", { exact: true }).fill("not mine at all");
  await question.getByRole("button", { name: "Go on" }).click();
  await expect(question.getByText("This is not your password.")).toBeVisible();
  await app.picture("settings-prove");
  await app.accessible();
  await question.getByLabel("Password", { exact: true }).fill(person.password);
  await question.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("dialog", { name: "Connect your authenticator app" })).toBeVisible();
  await context.close();
});

test("a passkey is added, named, signed in with, and removed", async ({ browser }) => {
  const person = await somebody("Zoé Blanc");
  const { context, page, app } = await signIn(browser, person, { baseURL: localhost() });
  await authenticator(page);
  await page.goto("/settings/security");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  const add = page.getByRole("dialog", { name: "Add a passkey" });
  await add.getByLabel("Name").fill("My laptop");
  await app.picture("settings-passkey-add");
  await add.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByText("The passkey is ready.")).toBeVisible();
  const list = page.getByRole("list", { name: "Passkeys" });
  await expect(list.getByText("My laptop")).toBeVisible();

  await list.getByRole("button", { name: "Options for My laptop" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Old laptop");
  await page.keyboard.press("Enter");
  await expect(list.getByText("Old laptop")).toBeVisible();

  await page.getByRole("button", { name: "Add a passkey" }).click();
  await add.getByRole("button", { name: "Go on" }).click();
  await expect(add.getByText("This device has a passkey for your account already.")).toBeVisible();
  await page.keyboard.press("Escape");

  await signOut(page);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByText("What shall we talk about?")).toBeVisible();

  await page.goto("/settings/security");
  await expect(list.getByText(/Last used/)).toBeVisible();
  await app.picture("settings-passkeys");
  await app.accessible();
  await list.getByRole("button", { name: "Options for Old laptop" }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("You have no passkey yet.")).toBeVisible();

  await signOut(page);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("alert")).toContainText("This passkey is not known here any more.");
  await context.close();
});

test("two steps are turned on from a phone, in French and in the dark", async ({ browser }) => {
  const person = await somebody("Hugo Noël", "fr");
  const { context, page } = await signIn(browser, person, { ...phone, locale: "fr-FR", colorScheme: "dark" });
  const app = new App(page);
  await page.goto("/settings/security");
  await expect(page.getByRole("heading", { name: "Sécurité" })).toBeVisible();
  await app.picture("phone-security-french-dark");
  await app.accessible();
  await page.getByRole("button", { name: "Activer" }).tap();
  const enrol = page.getByRole("dialog", { name: "Reliez votre application d’authentification" });
  await expect(enrol.getByRole("img")).toBeVisible();
  await app.picture("phone-two-step-french-dark");
  await enrol.getByLabel("Code de l’application").fill(totp(await enrol.locator("code").innerText()));
  await enrol.getByRole("button", { name: "Activer" }).tap();
  await expect(page.getByRole("dialog", { name: "Gardez ces codes de secours" })).toBeVisible();
  await app.picture("phone-recovery-codes-french-dark");
  await app.accessible();
  await context.close();
});
