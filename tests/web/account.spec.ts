import { expect, letter, owner, phone, signIn, somebody, stranger, test } from "./causette";

test.use({ signedIn: false });

test("somebody signs up, confirms by mail, and is in", async ({ app, page }) => {
  const email = `lea.${Date.now()}@example.org`;
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Sign up" }).click();
  await expect(page).toHaveURL(/\/sign-up$/);
  await expect(page).toHaveTitle("Make an account · Causette");
  await app.picture("sign-up");
  await app.accessible();
  await page.getByLabel("Name").fill("Léa Martin");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill("short");
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(page.getByText("Use at least 10 characters.")).toBeVisible();
  await page.getByLabel("Password", { exact: true }).fill("granite willow basket note");
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(page.getByRole("heading", { name: "Look in your mail" })).toBeVisible();
  await app.picture("sign-up-sent");
  await app.accessible();

  await page.goto(await letter(email, "/sign-up/confirm"));
  await page.getByLabel("Password", { exact: true }).fill("not what I chose");
  await page.getByRole("button", { name: "Open my account" }).click();
  await expect(page.getByText("not the password that you chose")).toBeVisible();
  await app.picture("sign-up-confirm");
  await app.accessible();
  await page.getByLabel("Password", { exact: true }).fill("granite willow basket note");
  await page.getByRole("button", { name: "Open my account" }).click();
  await expect(page.getByText("What shall we talk about?")).toBeVisible();
  await expect(page.getByRole("heading", { name: /Good \w+, Léa/ })).toBeVisible();
});

test("an address that has an account is told nothing that one without is not", async ({ page }) => {
  await page.goto("/sign-up");
  await page.getByLabel("Name").fill("Camille");
  await page.getByLabel("E-mail").fill(owner.email);
  await page.getByLabel("Password", { exact: true }).fill("granite willow basket note");
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(page.getByRole("heading", { name: "Look in your mail" })).toBeVisible();
});

for (const [mode, said] of [
  ["closed", "No new accounts here"],
  ["invitation", "By invitation"],
] as const)
  test(`a house that is ${mode} says so before anything is typed`, async ({ app, page }) => {
    await page.route("**/api/sign-up", (route) =>
      route.fulfill({ json: { mode, providers: [], passkeys: false } }),
    );
    await page.goto("/sign-up");
    await expect(page.getByRole("heading", { name: said })).toBeVisible();
    await app.picture(`sign-up-${mode}`);
    await app.accessible();
    await page.getByRole("link", { name: "Go to sign in" }).click();
    await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
    await expect(page.getByRole("link", { name: "Sign up" })).toBeHidden();
  });

test("other ways in are offered where there are some, and say why they failed", async ({ app, page }) => {
  await page.route("**/api/sign-up", (route) =>
    route.fulfill({
      json: { mode: "closed", providers: [{ name: "campus", title: "Campus" }], passkeys: true },
    }),
  );
  await page.goto("/sign-in?error=link_required");
  await expect(page.getByRole("alert")).toContainText("There is an account with this address.");
  await expect(page.getByRole("link", { name: "Continue with Campus" })).toHaveAttribute(
    "href",
    "/api/sign-on/campus",
  );
  await expect(page.getByRole("button", { name: "Sign in with a passkey" })).toBeVisible();
  await app.picture("sign-in-ways");
  await app.accessible();
});

test("a forgotten password is replaced, in French and on a phone", async ({ browser, baseURL }) => {
  const person = await somebody("Ana Roux", "fr");
  const context = await browser.newContext({
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
    baseURL: baseURL ?? "",
    storageState: stranger,
  });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Mot de passe oublié" }).tap();
  await page.getByLabel("Adresse e-mail").fill(person.email);
  await page.getByRole("button", { name: "Envoyer le lien" }).tap();
  await expect(page.getByRole("heading", { name: "Regardez vos e-mails" })).toBeVisible();
  await page.screenshot({ path: "../artifacts/screenshots/phone-reset-sent-french.png" });

  const path = await letter(person.email, "/password-reset");
  await page.goto(path);
  await page.getByLabel("Mot de passe", { exact: true }).fill("petal thunder mirror oak");
  await page.screenshot({ path: "../artifacts/screenshots/phone-reset-french.png" });
  await page.getByRole("button", { name: "Enregistrer ce mot de passe" }).tap();
  await expect(page.getByRole("heading", { name: "Votre mot de passe est enregistré" })).toBeVisible();
  await page.getByRole("link", { name: "Aller à la connexion" }).tap();
  await page.getByLabel("Adresse e-mail").fill(person.email);
  await page.getByLabel("Mot de passe", { exact: true }).fill("petal thunder mirror oak");
  await page.getByRole("button", { name: "Se connecter", exact: true }).tap();
  await expect(page.getByText("De quoi parle-t-on")).toBeVisible();

  await page.goto(path);
  await page.getByLabel("Mot de passe", { exact: true }).fill("petal thunder mirror oak");
  await page.getByRole("button", { name: "Enregistrer ce mot de passe" }).tap();
  await expect(page.getByRole("heading", { name: "Ce lien ne fonctionne plus" })).toBeVisible();
  await context.close();
});

test("an invitation makes an account, once", async ({ app, page, browser }) => {
  const asOwner = await signIn(browser, owner);
  const email = `noor.${Date.now()}@example.org`;
  const answer = await asOwner.context.request.post("/api/invitations", { data: { email } });
  const { pathname, search } = new URL((await answer.json()).link);
  await asOwner.context.close();

  await page.goto(pathname + search);
  await expect(page.getByText(`You sign in with ${email}.`)).toBeVisible();
  await page.getByLabel("Name").fill("Noor Haddad");
  await page.getByLabel("Password", { exact: true }).fill("granite willow basket note");
  await app.picture("invited");
  await app.accessible();
  await page.getByRole("button", { name: "Accept and begin" }).click();
  await expect(page.getByText("What shall we talk about?")).toBeVisible();

  await page.context().clearCookies();
  await page.goto(pathname + search);
  await expect(page.getByRole("heading", { name: "This invitation is over" })).toBeVisible();
});
