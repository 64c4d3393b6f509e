import { expect, test } from "./causette";

test("usage is a chart, a table one key away, and single requests", async ({ app, page }) => {
  await app.conversation("Count to three.");
  await page.goto("/settings/usage");
  const chart = page.getByRole("figure", { name: "Tokens" });
  await expect(chart).toBeVisible();
  await expect(chart.getByRole("img")).toHaveAccessibleName(/Tokens: [\d,]+\. The table has every number\./);
  await expect(page.getByRole("region", { name: "Recent requests" }).getByRole("row").nth(1)).toBeVisible();
  await app.accessible();
  await app.picture("usage");
  await page.keyboard.press("t");
  await expect(chart.getByRole("table")).toBeVisible();
  await expect(chart.getByRole("button", { name: "Chart" })).toBeVisible();
  await app.accessible();
  await app.picture("usage-table");
  await page.getByLabel("Measure").selectOption("Requests");
  await page.getByLabel("Time").selectOption("24 hours");
  await expect(page.getByRole("figure", { name: "Requests" })).toBeVisible();
});

test("a place in the queue is said, and announced once", async ({ app, page }) => {
  const events = [
    ["queued", { position: 3, seconds: 12.4 }],
    ["queued", { position: 2, seconds: 8.1 }],
  ] as const;
  // The log of a reply that waits: the connection stays open and nothing follows.
  await page.addInitScript((log) => {
    const real = window.fetch;
    window.fetch = async (input, init) => {
      if (!String(input).endsWith("/events")) return real(input, init);
      const text = log
        .map(([type, data], index) => `id: ${index + 1}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
        .join("");
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    };
  }, events);
  await app.open();
  await app.say("Count to three.");
  await expect(page.locator("[data-queued]")).toHaveText("2nd in line, about 9 s");
  await expect(page.locator("[data-live]")).toHaveText("3rd in line, about 13 s");
  await app.picture("queue");
});
