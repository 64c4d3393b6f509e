import { runs } from "./beside";
import { expect, imported, owner, phone, test } from "./causette";

const COUNT = 1_200;

function planted(): { conversation: string; messages: string[] } {
  return JSON.parse(runs("tests.assistant.thread.planting", owner.email, String(COUNT)));
}

test("a text is found in all of a long conversation, and gone through with the keyboard", async ({
  app,
  page,
}) => {
  const { conversation, messages } = planted();
  const row = (number: number) => page.locator(`[data-message-id="${messages[number]}"]`);
  /** What the browser marks under a name. */
  const marked = (name: string) =>
    page.evaluate(
      (key) => [...(CSS.highlights.get(key) ?? [])].map((range) => (range as Range).toString()),
      name,
    );
  await app.open(`/c/${conversation}`);
  await expect(row(COUNT - 1)).toBeInViewport();
  await app.composer.focus();
  await page.keyboard.press("Control+F");
  const bar = page.getByRole("search", { name: "Find in this conversation" });
  const field = bar.getByRole("textbox");
  await expect(field).toBeFocused();

  // "Word 78" and "Word 780" to "Word 789": none of them is here yet.
  await page.keyboard.type("WÖRD 78");
  await expect(bar.getByRole("status")).toHaveText("11 of 11");
  await expect(row(789)).toBeInViewport();
  await expect.poll(() => marked("found-now")).toEqual(["Word 78"]);
  expect((await marked("found")).length).toBeGreaterThan(3);
  await app.picture("find");
  await app.accessible();
  await page.keyboard.press("Enter");
  await expect(bar.getByRole("status")).toHaveText("1 of 11");
  await expect(row(78)).toBeInViewport();
  await page.keyboard.press("F3");
  await expect(row(780)).toBeInViewport();
  await page.keyboard.press("Shift+Enter");
  await expect(row(78)).toBeInViewport();
  await expect(field).toBeFocused();

  await field.fill("nowhere in here");
  await expect(bar.getByRole("status")).toHaveText("Nothing found");
  await expect(bar.getByRole("button", { name: "Next" })).toBeDisabled();
  await page.keyboard.press("Escape");
  await expect(bar).toBeHidden();
  await expect(app.composer).toBeFocused();
  expect(await marked("found")).toEqual([]);
  await expect(row(78)).toBeInViewport();

  // From the palette as well; what fails can be tried again.
  await page.keyboard.press("Control+K");
  await page.keyboard.type("Find in this conv");
  await page.getByRole("option", { name: "Find in this conversation" }).click();
  await expect(field).toBeFocused();
  await page.route("**/matches?*", (route) => route.fulfill({ status: 500, json: {} }));
  await field.fill("word 1199");
  await expect(bar.getByRole("status")).toHaveText("Could not look");
  await page.unroute("**/matches?*");
  await bar.getByRole("button", { name: "Try again" }).click();
  await expect(bar.getByRole("status")).toHaveText("1 of 1");
  await expect(row(1_199)).toBeInViewport();
});

test("what is counted in a reply is what it shows", async ({ app, page }) => {
  const reply =
    "The **western** crane, see [the minutes](https://example.org/harbour).\n\n- the harbour\n- `the harbour`";
  await app.open(`/c/${await imported(page, "Shown", [{ asked: "Which **crane**?", reply }])}`);
  await app.composer.focus();
  await page.keyboard.press("Control+F");
  const bar = page.getByRole("search", { name: "Find in this conversation" });
  const status = bar.getByRole("status");
  for (const [text, found] of [
    ["harbour", "1 of 2"],
    ["western crane", "1 of 1"],
    ["**crane", "1 of 1"],
    ["**western", "Nothing found"],
    ["example.org", "Nothing found"],
  ] as const) {
    await bar.getByRole("textbox").fill(text);
    await expect(status).toHaveText(found);
  }
  await bar.getByRole("textbox").fill("the harbour");
  await expect(status).toHaveText("1 of 2");
  await app.picture("find-shown");
  await app.accessible();
});

test.describe("on a phone, in French, in the dark", () => {
  test.use({ ...phone, locale: "fr-FR", colorScheme: "dark" });

  test("the bar is under the header, opened from the conversation's menu", async ({ app, page }) => {
    const { conversation, messages } = planted();
    await app.open(`/c/${conversation}`);
    await page.getByRole("button", { name: "Ouvrir le volet" }).tap();
    const sheet = page.getByRole("dialog");
    await sheet.getByRole("button", { name: "Planted" }).first().tap();
    await page.getByRole("menuitem", { name: "Chercher dedans" }).tap();
    const bar = page.getByRole("search", { name: "Chercher dans cette conversation" });
    const field = bar.getByRole("textbox");
    await expect(field).toBeFocused();
    await field.fill("word 5");
    await expect(bar.getByRole("status")).toHaveText("111 sur 111");
    await bar.getByRole("button", { name: "Précédent" }).tap();
    await expect(bar.getByRole("status")).toHaveText("110 sur 111");
    await expect(page.locator(`[data-message-id="${messages[598]}"]`)).toBeInViewport();
    await app.picture("phone-find");
    await app.accessible();
    await bar.getByRole("button", { name: "Fermer" }).tap();
    await expect(bar).toBeHidden();
  });
});
