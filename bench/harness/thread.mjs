/**
 * Opens, scrolls and types in conversations with Chromium, as a reader would, and prints what it measured as JSON.
 *
 *     node thread.mjs '{"url", "cookie", "chromium", "long", "short", "rounds", "wheel_seconds", "keys", "message"}'
 *
 * `long` and `short` are conversations with their ids and last messages. Playwright comes from the web app's packages.
 * What a bare page takes for the same wheel and the same keys says how much of that is the browser's and the machine's.
 */
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("@playwright/test");
const order = JSON.parse(process.argv[2]);

const browser = await chromium.launch({
  executablePath: order.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--enable-precise-memory-info"],
});

/** A browser that has never been here, signed in. */
async function visitor() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const [name, value] = order.cookie.split(/=(.*)/s);
  await context.addCookies([{ name, value, url: order.url }]);
  await context.addInitScript(watch);
  return context;
}

/** Until the browser computes nothing more: a new window of Chromium's has pages of its own, which load as long as ours. */
async function rest() {
  for (let before = -1, still = false; !still; ) {
    await new Promise((next) => setTimeout(next, 200));
    const now = await computed();
    still = Math.abs(now - before) < 10;
    before = now;
  }
}

/** What all of the browser's processes have computed so far, in milliseconds of processor time. */
async function computed() {
  const client = await browser.newBrowserCDPSession();
  const { processInfo } = await client.send("SystemInfo.getProcessInfo");
  await client.detach();
  return 1e3 * processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

/** Until the app has kept itself for later, which it does once what was asked for is there. */
async function settled(page) {
  await page.waitForLoadState("networkidle");
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await rest();
}

/** In the page: when a message is first painted whole or in part, in milliseconds of the page's clock. */
function watch() {
  window.painted = (message) =>
    new Promise((resolve) => {
      const look = () => {
        const element = document.querySelector(`[data-message-id="${message}"]`);
        const box = element?.getBoundingClientRect();
        const seen = box && box.height > 0 && box.top < innerHeight && box.bottom > 0;
        if (seen && element.checkVisibility({ visibilityProperty: true })) {
          // The frame in which it is seen is on the screen when the next one is made.
          const channel = new MessageChannel();
          channel.port1.onmessage = () => resolve(performance.now());
          requestAnimationFrame(() => channel.port2.postMessage(0));
        } else requestAnimationFrame(look);
      };
      look();
    });
}

/** From the beginning of the navigation, with nothing in the browser's cache: the first paint, and the last message. */
async function cold({ id, last }) {
  const context = await visitor();
  const page = await context.newPage();
  await rest();
  await page.goto(`${order.url}/c/${id}`, { waitUntil: "commit" });
  const took = await page.evaluate((message) => window.painted(message), last);
  const [first] = await page.evaluate(() =>
    performance.getEntriesByName("first-contentful-paint").map(({ startTime }) => startTime),
  );
  await context.close();
  return { first, took };
}

/** From the click in the sidebar, in a page that has not shown the conversation before. */
async function inside({ id, last }) {
  const context = await visitor();
  const page = await context.newPage();
  await page.goto(order.url);
  await page.locator(`a[href="/c/${id}"]`).first().waitFor();
  await settled(page);
  const took = await page.evaluate(
    async ([path, message]) => {
      const began = performance.now();
      document.querySelector(`a[href="${path}"]`).click();
      return (await window.painted(message)) - began;
    },
    [`/c/${id}`, last],
  );
  await context.close();
  return took;
}

async function opened({ id, last }) {
  const context = await visitor();
  const page = await context.newPage();
  await page.goto(`${order.url}/c/${id}`);
  await page.evaluate((message) => window.painted(message), last);
  await settled(page);
  return page;
}

/** What the main thread has computed so far, in milliseconds of processor time: others on the machine do not matter. */
async function worked(client) {
  const { metrics } = await client.send("Performance.getMetrics");
  return 1e3 * metrics.find(({ name }) => name === "TaskDuration").value;
}

async function counting(page) {
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable", { timeDomain: "threadTicks" });
  return client;
}

/** Frame times while the wheel goes up through the conversation, and how many messages have come by. */
async function scroll(page) {
  await page.mouse.move(720, 400);
  await page.evaluate(() => {
    window.frames_ = [];
    window.seen = new Set();
    let before = performance.now();
    const tick = (now) => {
      window.frames_.push(now - before);
      before = now;
      for (const element of document.querySelectorAll("[data-message-id]")) window.seen.add(element.dataset.messageId);
      window.ticking = requestAnimationFrame(tick);
    };
    window.ticking = requestAnimationFrame(tick);
  });
  const client = await counting(page);
  const [before, all] = [await worked(client), await computed()];
  const until = Date.now() + 1e3 * order.wheel_seconds;
  while (Date.now() < until) {
    await page.mouse.wheel(0, -240);
    await new Promise((next) => setTimeout(next, 12));
  }
  const [spent, allSpent] = [(await worked(client)) - before, (await computed()) - all];
  const found = await page.evaluate(() => {
    cancelAnimationFrame(window.ticking);
    return { frames: window.frames_.slice(2), seen: window.seen.size };
  });
  const frames = found.frames.length;
  return { ...found, busy_ms: spent / frames, all_busy_ms: allSpent / frames };
}

/** For each key while a reply is written: until its letter is there and laid out, and until the frame that shows it. */
async function type(page) {
  const composer = page.locator("[data-composer]");
  await composer.fill(order.message);
  await page.keyboard.press("Enter");
  const streaming = page.locator('[data-status="streaming"] [data-reply]');
  await streaming.waitFor();
  const before = await streaming.innerText();
  const began = Date.now();
  const found = await press(page);
  const words = (await streaming.count()) ? (await streaming.innerText()).slice(before.length).split(" ").length : 0;
  const seconds = (Date.now() - began) / 1e3;
  await page.getByRole("button", { name: "Stop the reply" }).click({ timeout: 2_000 }).catch(() => {});
  return { ...found, tokens_a_second: words / seconds };
}

async function press(page) {
  await page.evaluate(() => {
    window.keys = [];
    let pressed = 0;
    document.addEventListener(
      "keydown",
      ({ timeStamp }) => {
        pressed = timeStamp;
      },
      { capture: true },
    );
    document.addEventListener("input", async () => {
      const key = {};
      const since = pressed;
      window.keys.push(key);
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        key.frame = performance.now() - since;
      };
      requestAnimationFrame(() => channel.port2.postMessage(0));
      // What the page puts off to the end of the event. A task would wait for its turn behind a frame, in any page.
      for (let turn = 0; turn < 20; turn += 1) await null;
      document.querySelector("[data-composer]").getBoundingClientRect();
      key.done = performance.now() - since;
    });
  });
  const text = "The quick brown fox jumps over the lazy dog. ".repeat(20).slice(0, order.keys);
  await page.locator("[data-composer]").focus();
  for (const letter of text) {
    await page.keyboard.press(letter === " " ? "Space" : letter);
    await new Promise((next) => setTimeout(next, 20 + 40 * Math.random()));
  }
  const keys = await page.evaluate(() => window.keys.filter((key) => key.frame !== undefined));
  return { done: keys.map((key) => key.done), frame: keys.map((key) => key.frame) };
}

/** A page of plain text that scrolls, above a text area; in each frame one letter more is written in it. */
async function bare() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.setContent(`
    <body style="margin: 0; font: 16px/1.65 sans-serif">
      <section style="height: 780px; overflow: auto">
        <div style="max-width: 700px; margin: auto">
          ${Array.from({ length: 3_000 }, (_, n) => `<p data-message-id="${n}">${"Words of a text. ".repeat(12)}</p>`).join("")}
          <p id="growing"></p>
        </div>
      </section>
      <textarea data-composer rows="3" cols="80"></textarea>`);
  await page.evaluate(() => {
    const scroller = document.querySelector("section");
    scroller.scrollTop = scroller.scrollHeight;
  });
  await rest();
  return page;
}

async function pressBare(page) {
  await page.evaluate(() => {
    const growing = document.querySelector("#growing");
    const tick = () => {
      growing.textContent += "w";
      requestAnimationFrame(tick);
    };
    tick();
  });
  return { ...(await press(page)), tokens_a_second: 0 };
}

/** What the tab holds after a garbage collection. */
async function held(page) {
  const client = await page.context().newCDPSession(page);
  await client.send("HeapProfiler.collectGarbage");
  await client.send("Performance.enable");
  const { metrics } = await client.send("Performance.getMetrics");
  const named = Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  return { heap_mb: named.JSHeapUsedSize / 1e6, nodes: named.Nodes };
}

const found = Object.fromEntries(
  ["first", "cold", "inside"].map((kind) => [kind, { long: [], short: [] }]),
);
for (let round = 0; round < order.rounds; round += 1)
  for (const which of ["short", "long"]) {
    const { first, took } = await cold(order[which]);
    found.first[which].push(first);
    found.cold[which].push(took);
    found.inside[which].push(await inside(order[which]));
  }
const page = await opened(order.long);
found.held = { opened: await held(page) };
found.scroll = await scroll(page);
found.held.scrolled = await held(page);
await page.context().close();
const again = await opened(order.long);
found.typing = await type(again);
await again.context().close();
const plain = await bare();
found.bare = { scroll: await scroll(plain), typing: await pressBare(plain) };
await browser.close();
console.log(JSON.stringify(found));
