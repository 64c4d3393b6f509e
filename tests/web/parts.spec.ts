import { expect, looks, test } from "./causette";

const began_at = "2026-01-01T12:00:00+00:00";
const tool = { type: "tool", at: 0, round: 0, began_at, read_only: true };

/** What a reply of a model that thinks and uses tools consists of: the little model here does neither by itself. */
const parts = [
  {
    type: "thinking",
    at: 0,
    began_at,
    text: "The reader wants **a sum**. I should calculate it.",
    seconds: 12.3,
  },
  {
    ...tool,
    id: "step_1",
    name: "calculator",
    title: "Calculator",
    arguments: { expression: "17.5 * 12" },
    status: "done",
    summary: "210",
    seconds: 0.1,
  },
  {
    ...tool,
    id: "step_2",
    name: "shop_order",
    title: "Order",
    arguments: { item: "tea" },
    status: "refused",
    reason: "unanswered",
  },
];

for (const [look, options] of looks)
  test.describe(look, () => {
    test.use(options);

    test("thinking and tools are folded, and open with the keyboard", async ({ app, page }) => {
      const { step, thinking } = app.words.parts;
      await app.conversation("What is 17.5 times 12?");
      await page.route(/\/api\/conversations\/conv_[^/]+$/, async (route) => {
        const response = await route.fetch();
        const thread = await response.json();
        thread.messages.at(-1).parts = parts;
        await route.fulfill({ response, json: thread });
      });
      await page.reload();
      const thought = page.getByRole("button", { name: thinking.done(12) });
      await expect(thought).toHaveAttribute("aria-expanded", "false");
      await app.picture(`parts-${look}`);
      await thought.focus();
      await page.keyboard.press("Enter");
      await expect(page.getByText("I should calculate it.")).toBeVisible();
      await page.getByRole("button", { name: `${step.names.calculator} ${step.done}` }).click();
      await expect(page.getByText('"17.5 * 12"')).toBeVisible();
      await page.getByRole("button", { name: `Order ${step.refused}` }).click();
      await expect(page.getByText(step.reasons.unanswered ?? "")).toBeVisible();
      await app.accessible();
      await app.picture(`parts-open-${look}`);
    });
  });

test("tools chosen for a conversation stay chosen", async ({ app, page }) => {
  await app.open();
  await page.getByRole("button", { name: "Tools", exact: true }).click();
  await page.getByRole("menuitemcheckbox", { name: /Calculator/ }).click();
  await page.getByRole("menuitemcheckbox", { name: /Date and time/ }).click();
  await app.picture("tools");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Tools: 2 on" })).toBeVisible();
  await app.say("Hello");
  await page.waitForURL(/\/c\//);
  await page.reload();
  await expect(page.getByRole("button", { name: "Tools: 2 on" })).toBeVisible();
  await app.ended();
});
