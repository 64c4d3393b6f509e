import type { Page } from "@playwright/test";
import { expect, imported, phone, signIn, somebody, test } from "./causette";

const fenced = (source: string) => `\`\`\`python\n${source}\n\`\`\``;

const reply = [
  fenced('print("sum", sum(range(101)))\nopen("table.csv", "w").write("a,b\\n1,2\\n")'),
  fenced("while True:\n    pass"),
  fenced('raise ValueError("no such tide")'),
].join("\n\n");

test("Python of a reply runs here: what it prints and writes is shown, and an endless loop is stopped", async ({
  browser,
}) => {
  const { context, page, app } = await signIn(browser, await somebody("Paula Schlange"));
  await page.goto(`/c/${await imported(page, "Snakes", [{ asked: "Some Python, please.", reply }])}`);
  const run = page.getByRole("button", { name: "Run in this browser" });
  const outputs = page.getByRole("region", { name: "What the code did" });
  await run.first().click();
  await expect(outputs.first()).toContainText("sum 5050");
  await expect(outputs.first().getByRole("status")).toHaveText("Done");
  await expect(outputs.first().getByRole("button", { name: "Download table.csv" })).toBeVisible();
  // The first block's button now says "Run again".
  await run.first().click();
  await expect(outputs.nth(1).getByRole("status")).toHaveText("Running…");
  await app.picture("python-running");
  await outputs.nth(1).getByRole("button", { name: "Stop" }).click();
  await expect(outputs.nth(1).getByRole("status")).toHaveText("Stopped");
  await run.click();
  await expect(outputs.nth(2)).toContainText("ValueError: no such tide");
  await expect(outputs.nth(2).getByRole("status")).toHaveText("Ended with an error");
  await app.picture("python-output");
  await app.accessible();
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(outputs.nth(2)).toBeInViewport();
  await app.picture("python-output-390");
  await context.close();
});

const TIDES = "hour,metres\n0,1.5\n6,5.25\n12,2\n";

const reading = fenced(`import csv
rows = list(csv.DictReader(open("tides.csv")))
print("highest", max(float(row["metres"]) for row in rows))
points = " ".join(f"{int(row['hour']) * 10 + 10},{90 - float(row['metres']) * 15}" for row in rows)
open("tides.svg", "w").write(
    f'<svg xmlns="http://www.w3.org/2000/svg" width="140" height="100">'
    f'<polyline points="{points}" fill="none" stroke="teal" stroke-width="3"/></svg>'
)
from pyodide.http import pyfetch
try:
    await pyfetch("/api/session")
except Exception:
    print("no network")`);

/** A conversation that begins with an attached table, and whose reply reads it; its id. */
async function withTable(page: Page): Promise<string> {
  const sent = await page.request.post("/api/files?name=tides.csv", { data: Buffer.from(TIDES) });
  const files = [(await sent.json()).id];
  const begun = await page.request.post("/api/conversations", { data: { content: "Tides", files } });
  const { conversation, messages, generation } = await begun.json();
  await page.request.post(`/api/generations/${generation.id}/stop`);
  const corrected = await page.request.post(`/api/messages/${messages[1].id}/corrections`, {
    data: { content: reading },
  });
  expect(corrected.status()).toBe(201);
  return conversation.id;
}

test("Python of a reply reads what is attached, and its plots are shown", async ({ browser }) => {
  const { context, page, app } = await signIn(browser, await somebody("Paula Schlange"));
  await page.goto(`/c/${await withTable(page)}`);
  const output = page.getByRole("region", { name: "What the code did" });
  await page.getByRole("button", { name: "Run in this browser" }).click();
  await expect(output).toContainText("highest 5.25");
  await expect(output).toContainText("no network");
  await expect(output).toContainText("In its folder: tides.csv");
  const plot = output.getByRole("img", { name: "Picture tides.svg" });
  await expect.poll(() => plot.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(140);
  const download = page.waitForEvent("download");
  await output.getByRole("button", { name: "Download tides.svg" }).click();
  expect((await download).suggestedFilename()).toBe("tides.svg");
  // What it only read is not offered again.
  await expect(output.getByRole("button", { name: "Download tides.csv" })).toHaveCount(0);
  await app.picture("python-files");
  await app.accessible();

  await page.route("**/api/files/*/content", (route) => route.abort());
  await page.getByRole("button", { name: "Run again" }).click();
  await expect(output).toContainText("Could not be fetched: tides.csv");
  await expect(output).toContainText("FileNotFoundError");
  await app.picture("python-files-lost");
  await app.accessible();
  await context.close();
});

test("Python with files on a phone, in French, in the dark", async ({ browser }) => {
  const { context, page, app } = await signIn(browser, await somebody("Luc Perrin", "fr"), {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  await page.goto(`/c/${await withTable(page)}`);
  await page.getByRole("button", { name: "Exécuter dans ce navigateur" }).tap();
  const output = page.getByRole("region", { name: "Ce que le code a fait" });
  await expect(output).toContainText("Dans son dossier : tides.csv");
  await expect(output.getByRole("img", { name: "Image tides.svg" })).toBeVisible();
  await output.scrollIntoViewIfNeeded();
  await app.picture("phone-python-files-fr-dark");
  await app.accessible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await context.close();
});
