/** What the journeys share: who they are made by, and how they read and write. */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  test as base,
  expect,
  type Locator,
  type Page,
  request,
} from "@playwright/test";
import { type Words, wordsOf } from "./words";

export type { Words };
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
  app: async ({ page, locale }, use) => {
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      // What the server refuses is part of some journeys; what the policy blocks or React warns of never is.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        complaints.push(message.text());
    });
    await use(new App(page, locale));
    expect(complaints).toEqual([]);
  },
});

/** The app as a person uses it. */
export class App {
  readonly page: Page;
  /** What it says. */
  readonly words: Words;
  readonly composer: Locator;
  readonly replies: Locator;

  constructor(page: Page, locale?: string) {
    this.page = page;
    this.words = wordsOf(locale);
    this.composer = page.locator("[data-composer]");
    this.replies = page.locator("[data-role=assistant]");
  }

  async open(path = "/"): Promise<void> {
    await this.page.goto(path);
    await expect(this.composer).toBeVisible();
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.page.getByRole("button", { name: this.words.composer.send, exact: true }).click();
  }

  /** Shows the conversations, which on a phone are behind a button. */
  async conversations(): Promise<Locator> {
    const { sidebar } = this.words;
    if ((this.page.viewportSize()?.width ?? 0) < 768)
      await this.page.getByRole("button", { name: sidebar.open }).click();
    return this.page.getByRole("navigation", { name: sidebar.label });
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

/** A browser that nobody has signed in with. */
export const stranger = { cookies: [], origins: [] };

export const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
};

/** The ways in which journeys are walked that everybody takes, with how their pictures are called. */
export const looks: readonly [string, BrowserContextOptions][] = [
  ["desk-en", {}],
  ["phone-fr", { ...phone, locale: "fr-FR" }],
];

/** The server under the name at which browsers offer passkeys. */
export function localhost(): string {
  return (process.env.CAUSETTE_TEST_URL ?? "").replace("127.0.0.1", "localhost");
}

export interface Person {
  name: string;
  email: string;
  password: string;
}

/** Somebody with an account of their own, invited by the owner. */
export async function somebody(name: string, language: "en" | "fr" = "en"): Promise<Person> {
  const baseURL = process.env.CAUSETTE_TEST_URL ?? "";
  const email = `${name.toLowerCase().replaceAll(" ", ".")}.${Date.now()}@example.org`;
  const password = "copper lantern orchard tide";
  const asOwner = await request.newContext({ baseURL, storageState: process.env.CAUSETTE_TEST_STATE ?? "" });
  const { link } = await (await asOwner.post("/api/invitations", { data: { email } })).json();
  const nobody = await request.newContext({ baseURL, extraHTTPHeaders: { "accept-language": language } });
  const invitation = new URL(link).searchParams.get("invitation");
  const made = await nobody.post("/api/sign-up", { data: { name, password, invitation } });
  expect(made.status()).toBe(201);
  await nobody.delete("/api/session");
  await Promise.all([asOwner.dispose(), nobody.dispose()]);
  return { name, email, password };
}

/** A browser in which somebody has just signed in. */
export async function signIn(
  browser: Browser,
  { email, password }: Person,
  options: BrowserContextOptions = {},
): Promise<{ context: BrowserContext; page: Page; app: App }> {
  const context = await browser.newContext({
    locale: "en-GB",
    storageState: stranger,
    ...options,
    baseURL: options.baseURL ?? process.env.CAUSETTE_TEST_URL ?? "",
  });
  expect((await context.request.post("/api/session", { data: { email, password } })).status()).toBe(201);
  const page = await context.newPage();
  return { context, page, app: new App(page, options.locale) };
}

/** Brings a conversation in from an export of ChatGPT's, whose replies say just this, and returns its id. */
export async function imported(
  page: Page,
  title: string,
  turns: readonly { asked: string; reply: string }[],
): Promise<string> {
  const said = turns.flatMap(({ asked, reply }) => [
    { role: "user", text: asked },
    { role: "assistant", text: reply },
  ]);
  const mapping = said.map(({ role, text }, index) => ({
    id: `n${index + 1}`,
    parent: `n${index}`,
    children: index + 1 < said.length ? [`n${index + 2}`] : [],
    message: {
      id: `n${index + 1}`,
      author: { role },
      create_time: 1_700_000_000 + index,
      content: { content_type: "text", parts: [text] },
      metadata: {},
      recipient: "all",
    },
  }));
  const conversation = {
    title,
    create_time: 1_700_000_000,
    update_time: 1_700_000_100,
    conversation_id: title,
    current_node: `n${said.length}`,
    mapping: Object.fromEntries(
      [{ id: "n0", parent: null, children: ["n1"], message: null }, ...mapping].map((node) => [
        node.id,
        node,
      ]),
    ),
  };
  const brought = await page.request.post("/api/imports?name=conversations.json", {
    data: Buffer.from(JSON.stringify([conversation])),
    headers: { "content-type": "application/octet-stream" },
  });
  const path = `/api/imports/${(await brought.json()).id}`;
  const status = async () => (await (await page.request.get(path)).json()).status;
  await expect.poll(status).toBe("ready");
  expect((await page.request.post(`${path}/start`, { data: {} })).ok()).toBe(true);
  await expect.poll(status).toBe("done");
  const { items } = await (await page.request.get("/api/conversations")).json();
  return items.find((item: { title: string }) => item.title === title).id;
}

/** The path of the link in the last letter to an address, of those whose links begin with `path`. */
export async function letter(to: string, path: string): Promise<string> {
  const log = process.env.CAUSETTE_TEST_LOG ?? "";
  let found: string | undefined;
  await expect
    .poll(() => {
      const lines = readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line.includes(to));
      const links = lines.flatMap((line) => line.match(/http\S+\?token=[\w-]+/g) ?? []);
      const url = links.map((link) => new URL(link)).findLast(({ pathname }) => pathname === path);
      found = url && url.pathname + url.search;
      return found;
    })
    .toBeTruthy();
  return found ?? "";
}

const STEP_SECONDS = 30;

/** The six digits that an authenticator app shows (RFC 6238), some steps from now. */
export function totp(secret: string, later = 0): string {
  const bits = [...secret.replace(/[^A-Z2-7]/g, "")]
    .map((character) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(character).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000 / STEP_SECONDS) + later));
  const digest = createHmac("sha1", key).update(counter).digest();
  const at = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** A text's letters alone: Markdown changes all the rest on its way to the page. */
export function letters(text: string): string {
  return text.replace(/[^\p{L}]/gu, "");
}
