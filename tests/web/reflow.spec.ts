/**
 * Walks through the places behind the door where there is little room: 320 pixels wide (WCAG 1.4.10), a desk at 200 %
 * (1.4.4), text set wider apart (1.4.12), and everything from right to left. Nothing sticks out, and nobody is kept out.
 * Pictures are left in `artifacts/screenshots/reflow/`.
 */
import type { Page } from "@playwright/test";
import { type App, expect, imported, test } from "./causette";

const places = [
  "/",
  "/assistants",
  "/archive",
  "/settings/profile",
  "/settings/security",
  "/settings/keys",
  "/settings/plan",
  "/settings/files",
  "/console/people",
  "/console/usage",
  "/console/plans",
  "/lab/runs",
  "/lab/start",
  "/lab/models",
];

const reply = `A list, a table and code:

- the first of them, which is long enough to take more than one line on a narrow screen
- another

| Name | Meaning | Since |
|---|---|---|
| TTFT | time to the first token | 2023 |
| TPOT | time per output token | 2023 |

\`\`\`python
def add(first: int, second: int, *, carry: bool = False, wide: str = "a line that is wider than a phone") -> int:
    return first + second
\`\`\`
`;

const spacing = `* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
p { margin-bottom: 2em !important; }`;

/** What sticks out of the page, by its text; what may be scrolled by itself (tables, code) does not. */
async function sticking(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll<HTMLElement>("body *")]
      .filter((element) => {
        const box = element.getBoundingClientRect();
        return box.width > 0 && (box.right > width + 1 || box.left < -1);
      })
      .slice(0, 5)
      .map((element) => `${element.tagName} ${element.className} ${element.textContent?.slice(0, 40)}`);
  });
}

async function walk(app: App, page: Page, look: string, all: readonly string[]): Promise<void> {
  const found: string[] = [];
  for (const place of all) {
    await page.goto(place);
    await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible();
    await expect(page.locator(".skeleton")).toHaveCount(0);
    found.push(...(await sticking(page)).map((what) => `${place}: ${what}`));
    await app.picture(`reflow/${look}${place.replace(/\/c\/.*/, "/conversation").replaceAll("/", "-")}`);
  }
  expect(found).toEqual([]);
}

async function conversation(page: Page): Promise<string> {
  return `/c/${await imported(page, "Little room", [{ asked: "What is there?", reply }])}`;
}

test("nothing sticks out of 320 pixels, and what is small can be touched", async ({ app, page }) => {
  await page.setViewportSize({ width: 320, height: 568 });
  await walk(app, page, "320", [...places, await conversation(page)]);
  await app.accessible();
});

test("a desk at 200 % shows everything", async ({ app, page }) => {
  await page.setViewportSize({ width: 720, height: 450 });
  await walk(app, page, "200", [...places, await conversation(page)]);
  await expect(page.getByRole("textbox", { name: "Message" })).toBeInViewport();
});

test("text set wider apart stays in its place", async ({ app, page }) => {
  await page.addInitScript((css) => {
    addEventListener("DOMContentLoaded", () => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    });
  }, spacing);
  await page.setViewportSize({ width: 390, height: 844 });
  await walk(app, page, "spaced", ["/", "/settings/profile", "/settings/plan", await conversation(page)]);
});

test("from right to left the page is mirrored and whole", async ({ app, page }) => {
  await page.addInitScript(() => {
    const mirror = () => {
      const root = document.documentElement;
      if (root && root.dir !== "rtl") root.dir = "rtl";
    };
    // The app says its language's direction: here somebody insists on another one.
    new MutationObserver(mirror).observe(document, {
      attributes: true,
      attributeFilter: ["dir"],
      childList: true,
      subtree: true,
    });
  });
  await walk(app, page, "rtl", [
    "/",
    "/assistants",
    "/settings/profile",
    "/console/usage",
    await conversation(page),
  ]);
  await app.accessible();
  const sidebar = await page.getByRole("navigation", { name: "Conversations" }).first().boundingBox();
  expect(sidebar?.x ?? 0).toBeGreaterThan(720);
  await page.setViewportSize({ width: 390, height: 844 });
  await walk(app, page, "rtl-phone", ["/", await conversation(page)]);
});
