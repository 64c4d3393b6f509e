import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { data, python, root, runs, weights } from "./beside";
import { App, expect, owner, phone, signIn, somebody, test } from "./causette";

// What the lab leaves behind is there before the browser looks: one story, told in order.
test.describe.configure({ mode: "serial" });

let running: ChildProcess | undefined;

/** Runs in the data folder, of which one goes on until the tests are over. */
async function fill(): Promise<void> {
  running = spawn(python, ["-m", "tests.lab.folders", data()], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  });
  await new Promise((resolve, reject) => {
    running?.stdout?.once("data", resolve);
    running?.once("exit", (code) => reject(new Error(`The runs were not made: ${code}.`)));
  });
}

test.afterAll(() => {
  running?.stdin?.end();
});

test("an empty lab says where to begin, and nobody else sees it", async ({ app, page, browser }) => {
  await app.open();
  await page.getByRole("button", { name: /Account and settings/ }).click();
  await page.getByRole("menuitem", { name: "Lab" }).click();
  await expect(page.getByText("Nothing has been run yet")).toBeVisible();
  await app.accessible();
  await app.picture("lab-empty");
  for (const [name, said] of [
    ["Compare", "There is nothing to compare yet"],
    ["Models", "No model has been registered yet"],
    ["Releases", "Only what the house began with is served"],
  ] as const) {
    await page.getByRole("link", { name, exact: true }).click();
    await expect(page.getByText(said)).toBeVisible();
    await app.accessible();
  }
  const other = await signIn(browser, await somebody("Ines Moreau"));
  await other.page.goto("/lab/runs");
  await expect(
    other.page.getByRole("heading", { name: "The lab is for those who run this Causette" }),
  ).toBeVisible();
  await other.context.close();
});

test("runs are followed while they learn, laid over each other, and read with keys alone", async ({
  app,
  page,
}) => {
  await fill();
  await page.goto("/lab/runs");
  const list = page.getByRole("list", { name: "Runs" });
  await expect(list.getByRole("link", { name: /taught-slowly.*Done/ })).toBeVisible();
  await expect(list.getByRole("link", { name: /broken.*Failed.*has no conversations/ })).toBeVisible();
  const bar = list.getByRole("progressbar", { name: "Progress of live" });
  const steps = async () => Number(await bar.getAttribute("aria-valuenow"));
  const before = await steps();
  await expect.poll(steps).toBeGreaterThan(before);
  await app.accessible();
  await app.picture("lab-runs");

  await list.getByRole("link", { name: /^live/ }).click();
  await expect(page.getByRole("heading", { name: "live" })).toBeVisible();
  const loss = page.getByRole("figure", { name: "Loss" });
  const chart = loss.getByRole("slider");
  const told = async () => Number(await chart.getAttribute("aria-valuemax"));
  const so = await told();
  await expect.poll(told).toBeGreaterThan(so);

  await page.goto("/lab/runs/taught");
  await expect(page.getByRole("heading", { name: "taught" })).toBeVisible();
  await page.getByLabel("Beside").selectOption("taught-slowly");
  await expect(page).toHaveURL(/beside=taught-slowly/);
  await expect(loss.getByText("taught-slowly · Held out")).toBeVisible();
  await chart.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await expect(chart).toHaveAttribute(
    "aria-valuetext",
    /^Step 1, taught · Training 3, taught · Held out 3\.1, taught-slowly/,
  );
  await app.accessible();
  await app.picture("lab-run");
  await page.getByRole("button", { name: "Logarithmic" }).click();
  await expect(page.getByRole("button", { name: "Logarithmic" })).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("t");
  await expect(loss.getByRole("columnheader", { name: "taught · Training" })).toBeVisible();
  await expect(loss.getByRole("rowheader", { name: "120" })).toBeVisible();
  await app.accessible();
  await app.picture("lab-run-table");

  await page.goto("/lab/runs/broken");
  await expect(page.getByRole("alert")).toContainText("`prefer` learns from those");
  await expect(page.getByRole("button", { name: "Go on" })).toBeVisible();
  await app.accessible();
  await app.picture("lab-run-failed");

  await page.goto("/lab/runs/before");
  await expect(page.getByText("120 replies")).toBeVisible();
  await page.getByRole("switch", { name: "Only what is not right" }).click();
  await page.getByLabel("Task").selectOption("arithmetic-2");
  await expect(page.getByText("48 replies")).toBeVisible();
  await app.accessible();
  await app.picture("lab-replies");
});

test("two evaluations are compared, and what cannot be is named", async ({ app, page }) => {
  await page.goto("/lab/compare");
  await page.getByLabel("Before").selectOption("before");
  await page.getByLabel("After").selectOption("after");
  const sums = page.getByRole("row", { name: /arithmetic-2/ });
  await expect(sums).toContainText("+30.0 pts");
  await expect(sums).toContainText("Better");
  await expect(page.getByRole("row", { name: /instructions/ })).toContainText("Not told apart");
  const texts = page.getByRole("region", { name: "Texts" }).last();
  await expect(texts.getByRole("row", { name: /^en/ })).toContainText(/-0\.2\d{3}.*Better/);
  await expect(texts.getByRole("row", { name: /^en/ })).toContainText(/perplexity \d/);
  await expect(texts.getByRole("row", { name: /^fr/ })).toContainText("Not told apart");
  await expect(
    page.getByRole("list", { name: "Where they differ" }).getByRole("listitem").first(),
  ).toBeVisible();
  await app.accessible();
  await app.picture("lab-compare");
  await page.getByLabel("After").selectOption("short");
  await expect(page.getByText("They have not put the same problems.").first()).toBeVisible();
  await expect(page.getByText("They have not read the same documents.")).toBeVisible();
  await expect(page.getByText("Only the first has read it.")).toBeVisible();
  await app.accessible();
});

test("a recipe's mistakes are named at their lines, and what is right begins", async ({ app, page }) => {
  await page.goto("/lab/start");
  await page.getByRole("radio", { name: "Tokenizer" }).check();
  const recipe = page.getByRole("textbox", { name: "Recipe" });
  await expect(recipe).toHaveValue(/vocabulary_size/);
  await app.picture("lab-start");
  await recipe.fill('stage = "tokenizer"\nfiles = "corpus.txt"\nvocabulary_siez = 300\n');
  await page.getByRole("button", { name: "Start" }).click();
  const wrong = page.getByRole("alert");
  await expect(wrong).toContainText("2 things to correct", { timeout: 90_000 });
  await expect(wrong).toContainText("Line 3 vocabulary_siez: there is no such field");
  await app.accessible();
  await app.picture("lab-start-wrong");
  await wrong.getByRole("button", { name: "Line 2" }).click();
  await expect(recipe).toBeFocused();

  const texts = join(data(), "corpus.txt");
  writeFileSync(texts, "tree river stone bird cloud lamp house field road bell\n".repeat(40));
  await recipe.fill(`stage = "tokenizer"\nfiles = [${JSON.stringify(texts)}]\nvocabulary_size = 300\n`);
  await expect(wrong).toBeHidden();
  await page.getByLabel("Name", { exact: true }).fill("taught");
  await page.getByRole("button", { name: "Start" }).click();
  await expect(page.getByText(/There is a run taught/)).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("pieces");
  await page.getByRole("button", { name: "Start" }).click();
  await expect(page.getByRole("heading", { name: "pieces" })).toBeVisible({ timeout: 90_000 });
  await expect(page.getByText("A tokenizer")).toBeVisible({ timeout: 90_000 });
  await app.accessible();
});

test("a model is signed, tried on some, given to all and taken back, and all of it is on record", async ({
  app,
  page,
}) => {
  runs("tests.lab.registered", owner.email, weights());
  await page.goto("/lab/models");
  const list = page.getByRole("list", { name: "Models" });
  await expect(list.getByRole("link", { name: /sums-kind.*Passed the gate/ })).toBeVisible();
  await expect(list.getByRole("link", { name: /sums-first.*Not measured/ })).toBeVisible();
  await app.accessible();
  await app.picture("lab-models");

  await list.getByRole("link", { name: /sums-reckless/ }).click();
  await expect(page.getByText("One check did not pass.")).toBeVisible();
  await page.getByRole("button", { name: "Sign in spite of the gate" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText(owner.email);
  await dialog.getByLabel("Your reason").fill("Because.");
  await dialog.getByRole("button", { name: "Sign in spite of the gate" }).click();
  await expect(dialog).toContainText("Say why in ten letters or more.");
  await app.accessible();
  await app.picture("lab-override");
  await dialog.getByLabel("Your reason").fill("Only we ourselves are served it, for an hour.");
  await dialog.getByRole("button", { name: "Sign in spite of the gate" }).click();
  await expect(page.getByRole("region", { name: "Your word" })).toContainText(
    `Signed in spite of the gate by ${owner.email}`,
  );

  await page.goto("/lab/models/sums-kind");
  await expect(page.getByText("Passed: nothing speaks against serving it.")).toBeVisible();
  await expect(page.getByRole("region", { name: "Where it comes from" })).toContainText("licence CC0-1.0");
  await app.accessible();
  await app.picture("lab-model");
  await page.getByRole("button", { name: "Sign", exact: true }).click();
  await dialog.getByRole("button", { name: "Sign", exact: true }).click();
  await page.getByRole("button", { name: "Release" }).click();
  await dialog.getByRole("slider", { name: "Share of people" }).fill("8");
  await dialog.getByText("When it may go to all").click();
  await app.accessible();
  await app.picture("lab-release");
  await dialog.getByRole("button", { name: "Release" }).click();

  await expect(page.getByRole("heading", { name: "sums-kind as smollm2-135m-instruct" })).toBeVisible();
  await expect(page.getByText("Nothing speaks against it.")).toBeVisible();
  await expect(page.getByText(/It was to have 50 requests and \d+ minutes more/)).toBeVisible();
  await app.accessible();
  await app.picture("lab-canary");
  await page.getByRole("slider", { name: "Share of people" }).fill("4");
  await page.getByRole("button", { name: "Set" }).click();
  await expect(page.getByText("Served to some · 20%")).toBeVisible();
  await page.getByRole("button", { name: "Serve it to all" }).click();
  await dialog.getByRole("button", { name: "Serve it to all" }).click();
  await expect(page.getByText("Served to all", { exact: true }).first()).toBeVisible();
  await test.step("where it cannot be served, that is told, with what is served instead", async () => {
    runs("tests.lab.unserved");
    const release = page.url();
    await page.goto("/lab/releases");
    await expect(
      page.getByRole("link", { name: /sums-kind.*Served to all.*Cannot be served/ }),
    ).toBeVisible();
    await page.goto(release);
    const trouble = page.getByRole("alert");
    await expect(trouble).toContainText("elsewhere:1, since");
    await expect(trouble).toContainText("Its weights are gone. Put the file back.");
    await expect(trouble).toContainText("smollm2-135m-instruct is served there instead.");
    await app.accessible();
    await app.picture("lab-unserved");
    const size = page.viewportSize();
    await page.setViewportSize({ width: 390, height: 844 });
    await app.picture("lab-unserved-phone");
    await page.setViewportSize(size ?? { width: 1440, height: 900 });
  });
  await page.getByRole("button", { name: "Undo" }).click();
  await dialog.getByLabel("Why").fill("It was only a try.");
  await dialog.getByRole("button", { name: "Undo" }).click();
  const record = page.getByRole("region", { name: "On record" });
  await expect(record.getByRole("listitem")).toHaveCount(4);
  await expect(record.getByRole("listitem").first()).toContainText("It was only a try.");
  await expect(record).toContainText(`by ${owner.email}`);
  await app.accessible();
  await app.picture("lab-undone");
  await page.goto("/console/audit");
  await expect(page.getByRole("list", { name: "Audit log" })).not.toContainText("_");
});

for (const [look, language, scheme, options] of [
  ["phone-fr-dark", "fr-FR", "dark", phone],
  ["phone", "en-GB", "light", phone],
  ["fr-dark", "fr-FR", "dark", {}],
] as const)
  test(`all of it: ${look}`, async ({ browser }) => {
    const context = await browser.newContext({
      ...options,
      baseURL: process.env.CAUSETTE_TEST_URL ?? "",
      colorScheme: scheme,
      locale: language,
      storageState: process.env.CAUSETTE_TEST_STATE ?? "",
    });
    const page = await context.newPage();
    const app = new App(page);
    const { items } = await (await page.request.get("/api/admin/lab/releases")).json();
    for (const [path, name] of [
      ["runs", "runs"],
      ["runs/taught?beside=taught-slowly", "run"],
      ["runs/broken", "run-failed"],
      ["runs/before", "replies"],
      ["start?stage=sft", "start"],
      ["compare?before=before&after=after", "compare"],
      ["models", "models"],
      ["models/sums-reckless", "model"],
      ["releases", "releases"],
      [`releases/${items[0].id}`, "release"],
    ] as const) {
      await page.goto(`/lab/${path}`);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.locator(".skeleton")).toHaveCount(0);
      await app.accessible();
      await app.picture(`lab-${name}-${look}`);
      // Nothing but what scrolls by itself may be wider than the screen.
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(wide, `${path} is too wide`).toBeLessThanOrEqual(0);
    }
    await context.close();
  });
