import { expect, phone, signIn, somebody, test } from "./causette";

test("a reply is rated with a reason, consent is asked once, and can be taken back", async ({ browser }) => {
  const person = await somebody("Iris Feedback");
  const { context, page, app } = await signIn(browser, person);
  const id = await app.conversation("Name a colour.");
  const reply = app.replies.last();
  const bad = reply.getByRole("button", { name: "Bad reply" });
  await bad.click();
  await expect(bad).toHaveAttribute("aria-pressed", "true");
  const details = page.getByRole("region", { name: "What was wrong with it?" });
  await details.getByRole("button", { name: "Not correct" }).click();
  await details.getByLabel("In your words").fill("It is no colour.");
  await details.scrollIntoViewIfNeeded();
  await app.picture("feedback");
  await app.accessible();
  await details.getByRole("button", { name: "Send" }).click();
  await expect(page.getByText("Thank you. It is noted.")).toBeVisible();
  await page.getByRole("button", { name: "Yes, use it" }).click();
  await expect(page.getByText("May models learn from your feedback?")).toBeHidden();
  await page.reload();
  await expect(bad).toHaveAttribute("aria-pressed", "true");
  const kept = await (await page.request.get(`/api/conversations/${id}/feedback`)).json();
  expect(kept.items).toMatchObject([
    { kind: "rating", rating: "down", reasons: ["inaccurate"], comment: "It is no colour." },
  ]);

  await reply.getByRole("button", { name: "Good reply" }).click();
  await expect(bad).toHaveAttribute("aria-pressed", "false");
  await expect(page.getByRole("region", { name: "What was good about it?" })).toBeVisible();
  await expect(page.getByText("May models learn from your feedback?")).toBeHidden();

  await page.goto("/settings/data");
  const learning = page.getByRole("switch", { name: "Use my feedback to improve models" });
  await expect(learning).toBeChecked();
  await app.picture("feedback-setting");
  await app.accessible();
  await learning.uncheck();
  await expect
    .poll(async () => (await (await page.request.get("/api/user/training-consent")).json()).given)
    .toBe(false);
  await context.close();
});

test("a reply is rated on a phone, in French and in the dark", async ({ browser }) => {
  const person = await somebody("Jeanne Avis", "fr");
  const { context, page, app } = await signIn(browser, person, {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  await page.goto("/");
  await app.composer.fill("Citez une couleur.");
  await page.getByRole("button", { name: "Envoyer" }).click();
  await page.waitForURL(/\/c\//);
  await app.stop();
  await app.replies.last().getByRole("button", { name: "Bonne réponse" }).click();
  const details = page.getByRole("region", { name: /Qu’est-ce qui est bien/ });
  await details.getByRole("button", { name: "Claire" }).click();
  await details.scrollIntoViewIfNeeded();
  await app.picture("feedback-phone-french-dark");
  await app.accessible();
  await page.getByRole("button", { name: "Non", exact: true }).click();
  await expect(page.getByText(/peuvent-ils apprendre/)).toBeHidden();
  await context.close();
});
