import { type APIRequestContext, type Browser, request } from "@playwright/test";
import { App, expect, imported, owner, phone, signIn, somebody, test } from "./causette";

// What was said is there before the browser looks: one story, told in order.
test.describe.configure({ mode: "serial" });

const turns = [
  {
    asked: "I am Nadia Perrin (nadia@example.org, or np@example.org). What is the capital of Australia?",
    reply: "Hello Nadia! The capital of Australia is Sydney.",
  },
  { asked: "And of New Zealand?", reply: "Wellington." },
  { asked: "And of Fiji?", reply: "Ask my neighbour Zoe Martin, she went to Suva last year." },
  { asked: "And of Samoa?", reply: "Apia, on the island of Upolu." },
];

/** Has somebody say what they think of four replies, and agree to have it learned from. */
async function said(browser: Browser): Promise<void> {
  const { context, page } = await signIn(browser, await somebody("Nadia Perrin"));
  const id = await imported(page, "Capitals", turns);
  const asks = page.request;
  const { messages } = await (await asks.get(`/api/conversations/${id}`)).json();
  const replies: string[] = messages
    .filter(({ role }: { role: string }) => role === "assistant")
    .map((message: { id: string }) => message.id);
  const [sydney, wellington, suva, apia] = replies;
  const put = async (path: string, data: object) => expect((await asks.put(path, { data })).ok()).toBe(true);
  await put(`/api/messages/${wellington}/rating`, { rating: "up", reasons: ["accurate", "clear"] });
  await put(`/api/messages/${suva}/rating`, {
    rating: "down",
    reasons: ["instructions"],
    comment: "Write to nadia@example.org why.",
  });
  await put(`/api/messages/${apia}/rating`, { rating: "up" });
  const corrected = await asks.post(`/api/messages/${sydney}/corrections`, {
    data: { content: "The capital of Australia is Canberra." },
  });
  expect(corrected.ok()).toBe(true);
  const { version } = await (await asks.get("/api/user/training-consent")).json();
  const shown = await (await asks.get(`/api/conversations/${id}`)).json();
  const better = shown.messages.find((message: { content: string }) => message.content.includes("Canberra"));
  await put(`/api/messages/${better.id}/preference`, { over: sydney });
  await put("/api/user/training-consent", { given: true, version });
  await context.close();
}

async function asOwner<T>(act: (asks: APIRequestContext) => Promise<T>): Promise<T> {
  const asks = await request.newContext({
    baseURL: process.env.CAUSETTE_TEST_URL ?? "",
    storageState: process.env.CAUSETTE_TEST_STATE ?? "",
  });
  const found = await act(asks);
  await asks.dispose();
  return found;
}

// The wheel stands still for whoever comes after.
test.afterAll(() =>
  asOwner(async (asks) => {
    const { turns } = await (await asks.get("/api/admin/lab/flywheel")).json();
    for (const turn of turns) await asks.post(`/api/admin/lab/flywheel/turns/${turn.id}/stop`);
  }),
);

test("what was said is looked through with keys, changed, and not learned from while it is too little", async ({
  app,
  page,
  browser,
}) => {
  await page.goto("/lab/flywheel");
  await expect(page.getByText("No turn is under way.")).toBeVisible();
  await expect(page.getByText("No examples yet")).toBeVisible();
  const nightly = page.getByRole("region", { name: "Every night" });
  await expect(nightly).toContainText("New examples since the last turn: 0, of at least 1,000,000.");
  await expect(nightly).toContainText("Its canary goes to 5% of people, until somebody serves it to all.");
  await app.accessible();
  await app.picture("flywheel-empty");

  await said(browser);
  await page.getByRole("button", { name: "Look for new feedback" }).click();
  await expect(page.getByText("4 new examples.")).toBeVisible();
  const list = page.getByRole("list", { name: "Examples" });
  const cards = list.getByRole("article");
  await expect(cards).toHaveCount(4);
  await expect(page.getByText("3 thumbs · 1 pair")).toBeVisible();
  const [pair, zoe, samoa] = [
    list.getByRole("article", { name: /^Pair: I am \[name\] \(\[email\], or \[email\]\)/ }),
    list.getByRole("article", { name: "Thumb down: And of Fiji?" }),
    list.getByRole("article", { name: "Thumb up: And of Samoa?" }),
  ] as const;
  await expect(pair.getByRole("region", { name: "Good reply" })).toContainText("Canberra");
  await expect(pair.getByRole("region", { name: "Bad reply" })).toContainText("Hello [name]!");
  await expect(pair).toContainText("2 e-mail addresses");
  await expect(zoe).toContainText("Not what I asked");
  await expect(zoe).toContainText("Write to [email] why.");
  await app.accessible();
  await app.picture("flywheel-examples");

  await test.step("the keys keep, leave out and change, and lead to the next one", async () => {
    await cards.first().focus();
    await page.keyboard.press("j");
    await expect(cards.nth(1)).toBeFocused();
    await page.keyboard.press("k");
    await expect(cards.first()).toBeFocused();
    await list.getByRole("article", { name: "Thumb up: And of New Zealand?" }).focus();
    await page.keyboard.press("y");
    await expect(cards).toHaveCount(3);
    await expect(list.locator(":focus")).toHaveAttribute("data-example", /./);
    await samoa.focus();
    await page.keyboard.press("n");
    await expect(cards).toHaveCount(2);
    await zoe.focus();
    await page.keyboard.press("e");
    const form = page.getByRole("form", { name: "Change the example" });
    const reply = form.getByLabel("Bad reply");
    await expect(form.getByLabel("Message 1 · Asked")).toBeFocused();
    await reply.fill(" ");
    await form.getByRole("button", { name: "Save and keep" }).click();
    await expect(form).toContainText("There must be some text");
    await expect(reply).toBeFocused();
    await app.accessible();
    await app.picture("flywheel-edit");
    await page.keyboard.press("Escape");
    await expect(form.getByRole("button", { name: "Cancel" })).toBeFocused();
    await reply.fill("Ask my neighbour, she went to Suva last year.");
    await page.keyboard.press("Control+Enter");
    await expect(page.getByText("Saved and kept.")).toBeVisible();
    await expect(pair).toBeFocused();
  });

  await test.step("what was decided is there again, and many are decided on at once", async () => {
    await expect(page.getByRole("radio", { name: "To look at 1" })).toBeVisible();
    await page.getByRole("radio", { name: "Left out 1" }).check();
    await expect(samoa).toContainText(`left out by ${owner.email}`);
    await page.getByRole("radio", { name: "Kept 2" }).check();
    await expect(cards).toHaveCount(2);
    await expect(list).not.toContainText("Zoe");
    await page.getByLabel("Select all shown").check();
    await page.getByRole("region", { name: "2 selected" }).getByRole("button", { name: "Leave out" }).click();
    await expect(page.getByText("Nothing is kept yet.")).toBeVisible();
    await page.getByRole("radio", { name: "Left out 3" }).check();
    await page.getByLabel("Select all shown").check();
    await app.accessible();
    await app.picture("flywheel-selected");
    await page.getByRole("region", { name: "3 selected" }).getByRole("button", { name: "Keep" }).click();
    await expect(page.getByRole("radio", { name: "Kept 3" })).toBeVisible();
    await page.reload();
    await expect(page.getByRole("radio", { name: "Kept 3" })).toBeVisible();
  });

  const dialog = page.getByRole("dialog");
  await test.step("a turn is begun, with its mistakes at their fields", async () => {
    await page.getByRole("button", { name: "Begin a turn" }).click();
    await dialog.getByLabel("Examples at least").fill("none");
    await dialog.getByText("How it learns").click();
    await dialog.getByLabel("Learning rate").fill("2");
    await dialog.getByText("How it learns").click();
    await dialog.getByRole("button", { name: "Begin" }).click();
    await expect(dialog.getByLabel("Examples at least")).toBeFocused();
    await expect(dialog).toContainText("A whole number from 1 to 1,000,000.");
    await dialog.getByLabel("Examples at least").fill("5");
    await dialog.getByRole("button", { name: "Begin" }).click();
    await expect(dialog.getByLabel("Learning rate")).toBeFocused();
    await expect(dialog).toContainText("A number above 0, and at most 1.");
    await app.accessible();
    await app.picture("flywheel-begin");
    await dialog.getByLabel("Learning rate").fill("0.0001");
    await dialog.getByRole("button", { name: "Begin" }).click();
    await expect(page.getByText("The turn has begun.")).toBeVisible();
    await expect(page.getByRole("button", { name: "Begin a turn" })).toBeHidden();
    // The button is gone, and the focus is not lost with it.
    await expect(page.locator("div:focus").getByRole("list", { name: "Steps of the turn" })).toBeVisible();
  });

  const present = page.getByRole("region", { name: "The turn under way" });
  await test.step("with too few it does not go on, and it is stopped", async () => {
    await expect(present.getByRole("listitem").filter({ hasText: "Looking through" })).toHaveAttribute(
      "aria-current",
      "step",
    );
    await expect(present).toContainText("1 is waiting. Kept: 3, of at least 5.");
    await present.getByRole("button", { name: "Look through them" }).click();
    await expect(pair).toBeFocused();
    await page.evaluate(() => document.querySelector("main")?.scrollTo(0, 0));
    await app.accessible();
    await app.picture("flywheel-turn");
    await present.getByRole("button", { name: "Go on now" }).click();
    await expect(dialog).toContainText("What nobody has looked at is left out: 1.");
    await dialog.getByRole("button", { name: "Go on now" }).click();
    await expect(dialog).toContainText("Too little is kept: 3, of at least 5.");
    await app.accessible();
    await app.picture("flywheel-too-few");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await expect(page.getByRole("radio", { name: "To look at 1" })).toBeVisible();
    await present.getByRole("button", { name: "Stop" }).click();
    await dialog.getByRole("button", { name: "Stop" }).click();
    await expect(present).toBeHidden();
    const past = page.getByRole("table").getByRole("row").nth(1);
    await expect(past).toContainText("Stopped");
    await expect(past).toContainText(`${owner.email} stopped it.`);
  });

  await test.step("one that waits for nobody fails where there is too little, and says so", async () => {
    await page.getByRole("button", { name: "Begin a turn" }).click();
    await dialog.getByRole("switch", { name: "Learn from examples that nobody has looked at" }).click();
    await dialog.getByRole("button", { name: "Begin" }).click();
    const failed = page.getByRole("region", { name: "The last turn failed" });
    await expect(failed.getByRole("alert")).toContainText("It had too few examples: 4, of at least 50.");
    await expect(failed.getByRole("button")).toHaveCount(0);
    await expect(page.getByRole("button", { name: "Begin a turn" })).toBeEnabled();
    await app.accessible();
    await app.picture("flywheel-failed");
  });
});

for (const [look, language, scheme, options] of [
  ["dark", "en-GB", "dark", {}],
  ["phone", "en-GB", "light", phone],
  ["phone-fr-dark", "fr-FR", "dark", phone],
] as const)
  test(`all of it: ${look}`, async ({ browser }) => {
    const wheel = "/api/admin/lab/flywheel/turns";
    const turn = await asOwner(async (asks) => (await asks.post(wheel, { data: { least: 5 } })).json());
    const context = await browser.newContext({
      ...options,
      baseURL: process.env.CAUSETTE_TEST_URL ?? "",
      colorScheme: scheme,
      locale: language,
      storageState: process.env.CAUSETTE_TEST_STATE ?? "",
    });
    const page = await context.newPage();
    const app = new App(page);
    await page.goto("/lab/flywheel");
    await expect(page.locator("[aria-current=step]")).toBeVisible();
    await expect(page.locator("[data-example]")).toHaveCount(1);
    await app.accessible();
    await app.picture(`flywheel-${look}`);
    await page.locator("[data-example]").scrollIntoViewIfNeeded();
    await app.picture(`flywheel-card-${look}`);
    await page.getByRole("table").scrollIntoViewIfNeeded();
    await app.picture(`flywheel-past-${look}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wide, "it is too wide").toBeLessThanOrEqual(0);
    await context.close();
    await asOwner((asks) => asks.post(`${wheel}/${turn.id}/stop`));
  });
