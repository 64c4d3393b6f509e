import { runs, weights } from "./beside";
import { expect, phone, signIn, somebody, test } from "./causette";

/** Waits for an answer of an engine that has only just been started. */
const patience = { timeout: 60_000 };

test("a model of one's own is chosen, answers, and is seen by nobody else", async ({
  browser,
  app,
  page,
}) => {
  const maker = await somebody("Iris Lambert");
  runs("tests.lab.fine_tuning.own_models", maker.email, weights());
  const own = await signIn(browser, maker);
  await own.app.open();
  await own.page.getByRole("button", { name: /^Model:/ }).click();
  const choice = own.page.getByRole("menuitemradio", { name: /^mine \(/ });
  await expect(choice).toContainText("Your own, fine-tuned from SmolLM2 135M Instruct.");
  await own.app.picture("own-model");
  await own.app.accessible();
  await choice.click();
  await own.app.say("Say one word.");
  await own.page.waitForURL(/\/c\//);
  await expect(own.app.replies.last().locator("[data-reply]")).toHaveText(/\S/, patience);
  await own.app.stop();
  await own.page.reload();
  await expect(own.page.getByRole("button", { name: /^Model: mine \(/ })).toBeVisible();
  await own.context.close();

  await app.open();
  const { items } = await (await page.request.get("/api/models")).json();
  expect(items.map(({ title }: { title: string }) => title)).toEqual(["SmolLM2 135M Instruct"]);
});

test("a model of one's own on a phone, in French, in the dark", async ({ browser }) => {
  const maker = await somebody("Jules Fabre", "fr");
  runs("tests.lab.fine_tuning.own_models", maker.email, weights());
  const { app, page, context } = await signIn(browser, maker, {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  await app.open();
  await page.getByRole("button", { name: /^Modèle/ }).tap();
  const choice = page.getByRole("menuitemradio", { name: /^mine \(/ });
  await expect(choice).toContainText("Le vôtre, affiné à partir de SmolLM2 135M Instruct.");
  await expect(page.getByRole("menuitemradio", { name: /^SmolLM2/ })).toContainText("Le modèle par défaut");
  await app.picture("phone-own-model-fr-dark");
  await app.accessible();
  await choice.tap();
  await app.composer.fill("Dites un mot.");
  await page.getByRole("button", { name: "Envoyer" }).tap();
  await page.waitForURL(/\/c\//);
  await expect(app.replies.last().locator("[data-reply]")).toHaveText(/\S/, patience);
  await app.stop();
  await context.close();
});
