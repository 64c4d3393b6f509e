import { expect, signIn, somebody, test } from "./causette";

/** Who is signed in at the provider from now on. */
async function elsewhere(claims: { sub: string; email: string; name: string }): Promise<void> {
  const answer = await fetch(`${process.env.CAUSETTE_TEST_ISSUER}/control`, {
    method: "POST",
    body: JSON.stringify({ claims: { ...claims, email_verified: true } }),
  });
  expect(answer.ok).toBe(true);
}

test("an account elsewhere is linked, signs its person in, and is unlinked", async ({ browser }) => {
  const person = await somebody("Ada Byron");
  await elsewhere({ sub: person.email, email: "ada@elsewhere.example", name: "Ada at Elsewhere" });
  const { context, page, app } = await signIn(browser, person);
  await page.goto("/settings/security");
  const section = page.getByRole("region", { name: "Accounts elsewhere" });
  await section.getByRole("button", { name: "Link Elsewhere" }).click();
  await expect(page.getByText("The account is linked. You can sign in with it from now on.")).toBeVisible();
  await expect(section.getByRole("listitem")).toContainText("ada@elsewhere.example");
  await expect(section.getByRole("button", { name: "Link Elsewhere" })).toBeHidden();
  await app.accessible();
  await section.scrollIntoViewIfNeeded();
  await app.picture("settings-identities");

  await context.clearCookies();
  await page.goto("/sign-in");
  await page
    .getByRole("link", { name: /Elsewhere/ })
    .or(page.getByRole("button", { name: /Elsewhere/ }))
    .click();
  await expect(app.composer).toBeVisible();
  expect((await (await page.request.get("/api/session")).json()).email).toBe(person.email);

  await page.goto("/settings/security");
  await section.getByRole("button", { name: "Unlink" }).click();
  const question = page.getByRole("dialog", { name: "Unlink Elsewhere?" });
  await app.accessible();
  await app.picture("settings-unlink");
  await question.getByRole("button", { name: "Unlink" }).click();
  await expect(page.getByText("It is unlinked.")).toBeVisible();
  await expect(section.getByRole("button", { name: "Link Elsewhere" })).toBeVisible();

  await context.clearCookies();
  await page.goto("/sign-in");
  await page
    .getByRole("link", { name: /Elsewhere/ })
    .or(page.getByRole("button", { name: /Elsewhere/ }))
    .click();
  await expect(page).toHaveURL(/\/sign-in/);
  expect((await page.request.get("/api/session")).status()).toBe(401);
  await context.close();
});
