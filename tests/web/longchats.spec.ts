import { runs } from "./beside";
import { expect, owner, phone, test } from "./causette";

const COUNT = 2_400;
const FORK = COUNT / 2;

let long: { conversation: string; messages: string[] };

test.beforeAll(() => {
  long = JSON.parse(runs("tests.assistant.thread.planting", owner.email, String(COUNT)));
});

test("a long conversation opens at its end, and grows upwards without a jump", async ({ app, page }) => {
  await app.open(`/c/${long.conversation}`);
  const row = (number: number) => page.locator(`[data-message-id="${long.messages[number]}"]`);
  await expect(row(COUNT - 1)).toBeInViewport();
  // Only what is in sight is drawn.
  expect(await page.locator("[data-message-id]").count()).toBeLessThan(60);
  await app.accessible();

  // What comes before is held back until the reader has come to rest.
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(/\/messages\?before=/, async (route) => {
    await held;
    await route.continue();
  });
  const asked = page.waitForRequest(/\/messages\?before=/);
  const viewport = page.locator("[data-viewport]");
  await viewport.hover();
  await expect(async () => {
    await page.mouse.wheel(0, -2_000);
    expect(await viewport.evaluate((element) => element.scrollTop)).toBe(0);
  }).toPass();
  await asked;
  const first = row(COUNT - 60);
  await expect(first).toBeInViewport();
  const before = await first.boundingBox();
  release();
  await expect.poll(() => viewport.evaluate((element) => element.scrollTop)).toBeGreaterThan(1_000);
  await expect
    .poll(async () => Math.abs(((await first.boundingBox())?.y ?? 0) - (before?.y ?? 0)))
    .toBeLessThan(3);
  await app.picture("long-conversation");

  await page.getByRole("button", { name: "Jump to the end" }).click();
  await expect(row(COUNT - 1)).toBeInViewport();
});

test("what is pressed right after scrolling is meant", async ({ app, page }) => {
  await app.open(`/c/${long.conversation}`);
  await expect(page.locator(`[data-message-id="${long.messages[COUNT - 1]}"]`)).toBeInViewport();
  const copy = app.replies.last().getByRole("button", { name: "Copy" });
  await expect(copy).toBeVisible();
  const found = await copy.evaluate(async (button) => {
    const frame = () => new Promise(requestAnimationFrame);
    const under = [];
    for (let step = 0; step < 5; step += 1) {
      button.closest("[data-viewport]")?.scrollBy(0, -4);
      await frame();
      await frame();
      const { left, width, top, height } = button.getBoundingClientRect();
      under.push(button.contains(document.elementFromPoint(left + width / 2, top + height / 2)));
    }
    return under;
  });
  expect(found).toEqual(Array(5).fill(true));
});

test("an old message is shown with what is around it, its versions are walked, and the end is one step away", async ({
  app,
  page,
}) => {
  const fork = long.messages[FORK];
  const other = long.messages[COUNT];
  await page.goto(`/c/${long.conversation}?message=${fork}`);
  await expect(page.locator(`[data-message-id="${fork}"][data-found]`)).toBeInViewport();
  await expect(page).toHaveURL(new RegExp(`/c/${long.conversation}$`));
  const versions = page.getByRole("group", { name: "Versions" });
  await expect(versions.getByLabel("Version 1 of 2")).toBeVisible();
  await versions.getByRole("button", { name: "Next version" }).click();
  await expect(page.locator(`[data-message-id="${other}"]`)).toBeInViewport();
  await expect(page.getByText(`Word ${COUNT + 2}`, { exact: true })).toBeVisible();
  await expect(page.getByText(`Word ${FORK - 1}`, { exact: true })).toBeVisible();
  await versions.getByRole("button", { name: "Previous version" }).click();
  await expect(page.locator(`[data-message-id="${fork}"]`)).toBeInViewport();
  await expect(page.getByText(`Word ${FORK + 1}`, { exact: true })).toBeVisible();

  // What is said now follows the end of the branch, though the end is not here.
  await app.say("Where were we?");
  await expect(page.locator("[data-role=user]").last()).toContainText("Where were we?");
  await expect(app.replies.last()).toHaveAttribute("data-status", "streaming");
  await expect(app.replies.last()).toBeInViewport();
  // A prompt as long as the model can read takes the little one its time.
  await page.getByRole("button", { name: "Stop the reply" }).click();
  await app.ended();
  const { messages } = await (await page.request.get(`/api/conversations/${long.conversation}`)).json();
  expect(messages.at(-2).parent_id).toBe(long.messages[COUNT - 1]);
});

test.describe("on a phone", () => {
  test.use(phone);

  test("a message being edited keeps its words while its writer looks further up", async ({ app, page }) => {
    await page.goto(`/c/${long.conversation}?message=${long.messages[FORK]}`);
    const found = page.locator(`[data-message-id="${long.messages[FORK]}"]`);
    await expect(found).toBeInViewport();
    await found.getByRole("button", { name: "Edit" }).tap();
    await page.getByLabel("Edit your message").fill("Half a thought");
    const viewport = page.locator("[data-viewport]");
    await expect(async () => {
      await viewport.evaluate((element) => element.scrollBy(0, -3_000));
      await expect(found).not.toBeInViewport({ timeout: 500 });
    }).toPass();
    await found.scrollIntoViewIfNeeded();
    await expect(page.getByLabel("Edit your message")).toHaveValue("Half a thought");
    await app.picture("phone-long-conversation");
  });
});
