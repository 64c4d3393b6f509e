/**
 * Walks through the places before the door: nobody is kept out, nothing sticks out, in both themes and languages, at a desk
 * and on a phone. Each place is looked at in one combination, the next in another; with `CAUSETTE_TEST_WALK=whole` each
 * in all of them. Pictures are left in `artifacts/screenshots/walk/`.
 */
import AxeBuilder from "@axe-core/playwright";
import type { Browser, Page } from "@playwright/test";
import { App, expect, stranger, test } from "./causette";

type Theme = "light" | "dark";
type Language = "en" | "fr";
type Size = "desk" | "phone";

const sizes = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

const outside = ["/sign-in", "/sign-up", "/password-reset", "/join?token=gone"];

/** Which combinations a place is looked at in. */
function looks(index: number): [Theme, Language, Size][] {
  const whole: [Theme, Language, Size][] = [];
  for (const theme of ["light", "dark"] as const)
    for (const language of ["en", "fr"] as const)
      for (const size of ["desk", "phone"] as const) whole.push([theme, language, size]);
  if (process.env.CAUSETTE_TEST_WALK === "whole") return whole;
  // Seldom the same for two pages that are alike: three has no divisor in common with eight.
  return [whole[(index * 3) % whole.length]].filter((look) => look !== undefined);
}

/** Waits until a place shows what it has. */
async function settled(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible();
  await expect(page.locator(".skeleton")).toHaveCount(0);
}

async function inspect(page: Page, place: string, look: string): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
    .analyze();
  const wrong = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) wrong.push(`${wide} pixels stick out`);
  const name = place.replace(/\?.*/, "").replaceAll("/", "-").slice(1) || "home";
  await new App(page).picture(`walk/${name}-${look}`);
  return wrong.map((what) => `${place} (${look}): ${what}`);
}

async function walk(browser: Browser, places: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const combinations = new Map<string, string[]>();
  places.forEach((place, index) => {
    for (const look of looks(index))
      combinations.set(look.join("-"), [...(combinations.get(look.join("-")) ?? []), place]);
  });
  for (const [look, those] of combinations) {
    const [theme, language, size] = look.split("-") as [Theme, Language, Size];
    const context = await browser.newContext({
      baseURL: process.env.CAUSETTE_TEST_URL ?? "",
      storageState: stranger,
      colorScheme: theme,
      locale: language === "fr" ? "fr-FR" : "en-GB",
      viewport: sizes[size],
      hasTouch: size === "phone",
      isMobile: size === "phone",
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    for (const place of those) {
      await page.goto(place);
      await settled(page);
      found.push(...(await inspect(page, place, look)));
    }
    await context.close();
  }
  return found;
}

test("every place before the door is open to everybody", async ({ browser }) => {
  expect(await walk(browser, outside)).toEqual([]);
});
