import { expect, phone, signIn, somebody, test } from "./causette";

test("custom instructions are written, kept, turned off and on", async ({ browser }) => {
  const person = await somebody("Rose Marchand");
  const { context, page, app } = await signIn(browser, person);
  await page.goto("/settings/personalisation");
  const about = page.getByRole("textbox", { name: "About you" });
  const answers = page.getByRole("textbox", { name: "How to answer" });
  const save = page.getByRole("button", { name: "Save" });
  await expect(save).toBeDisabled();
  await about.fill("x".repeat(1_501));
  await expect(page.getByText("1,501 of 1,500 characters")).toBeVisible();
  await expect(about).toHaveAttribute("aria-invalid", "true");
  await expect(save).toBeDisabled();
  await app.picture("personalisation-too-long");
  await app.accessible();
  await about.fill("I keep bees in Brittany, and I teach at a village school.");
  await answers.fill("Briefly, in plain words. Metric units.");
  await save.click();
  await expect(page.getByText("Saved.")).toBeVisible();
  await expect(save).toBeDisabled();
  await app.picture("personalisation");
  await app.accessible();

  await page.reload();
  await expect(about).toHaveValue("I keep bees in Brittany, and I teach at a village school.");
  await expect(answers).toHaveValue("Briefly, in plain words. Metric units.");
  const onOff = page.getByRole("switch", { name: "Custom instructions" });
  await onOff.focus();
  await page.keyboard.press("Space");
  await expect(onOff).not.toBeChecked();
  await expect(page.getByText("They are off: kept here, and told to no model.")).toBeVisible();
  await app.accessible();
  await page.reload();
  await expect(onOff).not.toBeChecked();
  await onOff.click();
  await expect(onOff).toBeChecked();
  await context.close();
});

test("custom instructions on a phone, in French, in the dark", async ({ browser }) => {
  const person = await somebody("Luc Perrin", "fr");
  const { context, page, app } = await signIn(browser, person, {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  await page.goto("/settings/personalisation");
  await expect(page.getByRole("heading", { name: "Personnalisation" })).toBeVisible();
  await page.getByRole("textbox", { name: "À propos de vous" }).fill("Je tiens des ruches en Bretagne.");
  await page.getByRole("switch", { name: "Instructions personnelles" }).tap();
  await expect(page.getByText("transmises à aucun modèle").first()).toBeVisible();
  // What is not saved yet stays when they are turned off.
  await expect(page.getByRole("textbox", { name: "À propos de vous" })).toHaveValue(
    "Je tiens des ruches en Bretagne.",
  );
  await page.getByRole("button", { name: "Enregistrer" }).tap();
  await expect(page.getByText("C’est enregistré.")).toBeVisible();
  await app.picture("phone-personalisation-french-dark");
  await app.accessible();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(390);
  await context.close();
});
