/** What the journeys share: who they are made by, and how they read and write. */
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { test as base, expect, type Locator, type Page } from "@playwright/test";

export { expect };

export const owner = {
  name: "Camille Durand",
  email: "camille@example.org",
  password: "lentil harbour violin moss",
};

interface Options {
  /** Whether the owner is signed in when the test begins. */
  signedIn: boolean;
}

interface Fixtures {
  app: App;
}

export const test = base.extend<Options & Fixtures>({
  signedIn: [true, { option: true }],
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants to see which fixtures are used
  baseURL: async ({}, use) => use(process.env.CAUSETTE_TEST_URL),
  storageState: async ({ signedIn }, use) => use(signedIn ? process.env.CAUSETTE_TEST_STATE : undefined),
  app: async ({ page }, use) => {
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      // What the server refuses is part of some journeys; what the policy blocks or React warns of never is.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        complaints.push(message.text());
    });
    await use(new App(page));
    expect(complaints).toEqual([]);
  },
});

/** The app as a person uses it. */
export class App {
  readonly page: Page;
  readonly composer: Locator;
  readonly replies: Locator;

  constructor(page: Page) {
    this.page = page;
    this.composer = page.locator("[data-composer]");
    this.replies = page.locator("[data-role=assistant]");
  }

  async open(path = "/"): Promise<void> {
    await this.page.goto(path);
    await expect(this.composer).toBeVisible();
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.page.getByRole("button", { name: "Send" }).click();
  }

  /** Waits until the last reply has begun to show. */
  async begun(): Promise<void> {
    await expect(this.replies.last().locator("[data-reply]")).toHaveText(/\S/);
  }

  /** Stops the reply being written, unless it has just ended by itself. */
  async stop(): Promise<void> {
    await this.begun();
    await this.page.keyboard.press("Shift+Escape");
    await this.page.keyboard.press("Escape");
    await this.ended();
  }

  async ended(): Promise<void> {
    await expect(this.replies.last()).not.toHaveAttribute("data-status", "streaming", { timeout: 90_000 });
  }

  /** Starts a conversation whose first reply is cut short, and returns its id. */
  async conversation(text: string): Promise<string> {
    await this.open();
    await this.say(text);
    await this.page.waitForURL(/\/c\//);
    await this.stop();
    return this.id();
  }

  id(): string {
    return new URL(this.page.url()).pathname.split("/").at(-1) ?? "";
  }

  /** The text of the last reply, as it is shown. */
  shown(): Promise<string> {
    return this.replies.last().locator("[data-reply]").innerText();
  }

  /** Waits until the last reply is longer than `before` (letters alone), and begins with it. */
  async goesOnAfter(before: string): Promise<void> {
    await this.begun();
    await expect.poll(async () => letters(await this.shown()).length).toBeGreaterThan(before.length);
    expect(letters(await this.shown()).slice(0, before.length)).toBe(before);
  }

  /** The last reply as the server keeps it. */
  async kept(): Promise<string> {
    const answer = await this.page.request.get(`/api/conversations/${this.id()}`);
    return (await answer.json()).messages.at(-1).content;
  }

  picture(name: string): Promise<Buffer> {
    const path = join(__dirname, "..", "..", "artifacts", "screenshots", `${name}.png`);
    return this.page.screenshot({ path, animations: "disabled" });
  }

  /** Expects nothing that would keep somebody out (WCAG 2.2 A and AA). */
  async accessible(): Promise<void> {
    const { violations } = await new AxeBuilder({ page: this.page })
      .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
      .analyze();
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    expect(
      grave.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`),
    ).toEqual([]);
  }
}

/** A text's letters alone: Markdown changes all the rest on its way to the page. */
export function letters(text: string): string {
  return text.replace(/[^\p{L}]/gu, "");
}
