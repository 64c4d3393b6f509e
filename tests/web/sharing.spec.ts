import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App, expect, imported, phone, signIn, somebody, stranger, test } from "./causette";

/** An export of ChatGPT's as one JSON file: a question, answered twice. */
function archive(): { name: string; mimeType: string; buffer: Buffer } {
  const node = (id: string, parent: string | null, children: string[], role?: string, text?: string) => ({
    id,
    parent,
    children,
    message: role && {
      id,
      author: { role },
      create_time: 1_700_000_000,
      content: { content_type: "text", parts: [text] },
      metadata: role === "assistant" ? { model_slug: "gpt-4o" } : {},
      recipient: "all",
    },
  });
  const conversation = {
    title: "Onion soup",
    create_time: 1_700_000_000,
    update_time: 1_700_000_100,
    conversation_id: "web-soup",
    current_node: "a2",
    mapping: Object.fromEntries(
      [
        node("root", null, ["q"]),
        node("q", "root", ["a1", "a2"], "user", "How do I make onion soup?"),
        node("a1", "q", [], "assistant", "Take onions."),
        node("a2", "q", [], "assistant", "Take eight onions, and *time*."),
      ].map((each) => [each.id, each]),
    ),
  };
  const buffer = Buffer.from(JSON.stringify([conversation, { mapping: 7 }]));
  return { name: "conversations.json", mimeType: "application/json", buffer };
}

test("an archive is looked into, and imported with the branch that was shown there", async ({ browser }) => {
  const person = await somebody("Nora Teilen");
  const { context, page, app } = await signIn(browser, person);
  await page.goto("/settings/data");
  await page.locator("input[type=file]").setInputFiles(archive());
  await expect(page.getByText("1 conversation, 3 messages")).toBeVisible();
  await expect(page.getByText("1 thing cannot be imported")).toBeVisible();
  await app.picture("import-preview");
  await app.accessible();
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await expect(page.getByText("Imported: 1 new conversation.")).toBeVisible();
  await app.picture("import-done");

  await page.goto("/");
  await page.getByRole("link", { name: "Onion soup" }).click();
  await expect(app.replies.last()).toContainText("Take eight onions");
  await context.close();
});

/** An export of Open WebUI's: a question with a picture and a document, and a reply that drew another picture. */
function chats(picture: Buffer): { name: string; mimeType: string; buffer: Buffer } {
  const address = `data:image/png;base64,${picture.toString("base64")}`;
  const file = {
    id: "f1",
    filename: "minutes.md",
    data: { content: "# Minutes\n\nThe crane was repaired." },
  };
  const messages = {
    q: {
      role: "user",
      content: "What is in the picture?",
      parentId: null,
      timestamp: 1_710_000_000,
      files: [
        { type: "image", name: "harbour.png", url: address },
        { type: "file", name: "minutes.md", file },
        { type: "image", url: "/api/v1/files/lost/content" },
      ],
    },
    a: {
      role: "assistant",
      content: `A harbour, and this is its plan. ![plan](${address})`,
      parentId: "q",
      model: "llava",
      timestamp: 1_710_000_005,
    },
  };
  const chat = {
    id: "web-harbour",
    title: "The harbour",
    created_at: 1_710_000_000,
    updated_at: 1_710_000_010,
    chat: { history: { messages, currentId: "a" } },
  };
  return { name: "chats.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify([chat])) };
}

test("pictures and files of an archive are in the thread, and in a link until it is ended", async ({
  browser,
}) => {
  const person = await somebody("Yann Tableau");
  const { context, page, app } = await signIn(browser, person);
  await page.goto("/settings/data");
  await page.locator("input[type=file]").setInputFiles(chats(await page.screenshot()));
  await expect(page.getByText("2 pictures, 1 file")).toBeVisible();
  await page.getByText("1 thing cannot be imported").click();
  await expect(page.getByText("the file lost is not in the archive")).toBeVisible();
  await app.picture("import-files-preview");
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await expect(page.getByText("Imported: 1 new conversation, 3 files.")).toBeVisible();

  await page.goto("/");
  await page.getByRole("link", { name: "The harbour" }).click();
  const attached = page.getByRole("list", { name: "Attached files" });
  await expect(attached.first().getByText("minutes.md")).toBeVisible();
  await expect(attached.first().getByRole("button", { name: "Open harbour.png" })).toBeVisible();
  await expect(attached.last().getByRole("button", { name: "Open picture.png" })).toBeVisible();
  await expect(app.replies.last()).toContainText("A harbour, and this is its plan.");
  await app.picture("import-files-thread");
  await app.accessible();

  const id = page.url().split("/").at(-1);
  const share = await (await page.request.post(`/api/conversations/${id}/shares`, { data: {} })).json();
  const elsewhere = await browser.newContext({ locale: "en-GB", storageState: stranger });
  const visitor = new App(await elsewhere.newPage());
  await visitor.page.goto(share.link);
  const shown = visitor.page.getByRole("img", { name: "harbour.png" });
  await expect(shown).toBeVisible();
  await expect.poll(() => shown.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
  await expect(visitor.page.getByText("minutes.md")).toBeVisible();
  await visitor.picture("shared-files");
  await visitor.accessible();
  const address = `${share.link.replace("/s/", "/api/shared/")}/pictures/1`;
  expect((await visitor.page.request.get(address)).status()).toBe(200);
  await page.request.delete(`/api/shares/${share.id}`);
  expect((await visitor.page.request.get(address)).status()).toBe(404);
  await elsewhere.close();
  await context.close();
});

test("a conversation is taken along as Markdown, JSON and a clean PDF, and read on a phone in the dark", async ({
  browser,
}) => {
  const person = await somebody("Lise Partage", "fr");
  const { context, page, app } = await signIn(browser, person, {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  const brought = await page.request.post("/api/imports?name=conversations.json", {
    data: archive().buffer,
    headers: { "content-type": "application/octet-stream" },
  });
  const record = (await brought.json()).id;
  const status = async () => (await (await page.request.get(`/api/imports/${record}`)).json()).status;
  await expect.poll(status).toBe("ready");
  await page.goto("/settings/data");
  await expect(page.getByText("1 conversation, 3 messages")).toBeVisible();
  await page.getByText("1 conversation, 3 messages").scrollIntoViewIfNeeded();
  await app.picture("import-phone-french-dark");
  await app.accessible();
  await page.getByRole("button", { name: "Importer", exact: true }).click();
  await expect.poll(status).toBe("done");
  const { items } = await (await page.request.get("/api/conversations")).json();
  const id = items[0].id;
  const markdown = await page.request.get(`/api/conversations/${id}/export?format=markdown`);
  expect(await markdown.text()).toContain("**Vous**\n\nHow do I make onion soup?");
  const whole = await (await page.request.get(`/api/conversations/${id}/export?format=json`)).json();
  expect(whole.messages).toHaveLength(3);

  const made = await page.request.post(`/api/conversations/${id}/shares`, { data: {} });
  await page.goto((await made.json()).link);
  await expect(page.getByRole("heading", { name: "Onion soup" })).toBeVisible();
  await app.picture("shared-phone-french-dark");
  await app.accessible();

  await page.goto(`/c/${id}/print`);
  await expect(page.getByRole("heading", { name: "Onion soup" })).toBeVisible();
  await expect(page.getByText("Take eight onions")).toBeVisible();
  const paper = picture("conversation").replace(/png$/, "pdf");
  writeFileSync(paper, await page.pdf({ format: "A4" }));
  const bytes = readFileSync(paper);
  expect(bytes.subarray(0, 5).toString()).toBe("%PDF-");
  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("button", { name: "Imprimer ou enregistrer en PDF" })).toBeHidden();
  await expect(page.getByText("Take eight onions")).toBeVisible();
  await context.close();
});

test("what replies were written from is on paper as it is on the screen", async ({ browser }) => {
  const { context, page, app } = await signIn(browser, await somebody("Noor Haddad"));
  const id = await imported(page, "Crane", [
    { asked: "Who repaired the crane?", reply: "The port did [2], by night." },
  ]);
  // As if the reply had been given passages, and had searched the web.
  const parts = [
    {
      type: "sources",
      at: 0,
      items: [1, 2].map((n) => ({
        n,
        file_id: "file_x",
        title: `minutes-${n}.pdf`,
        passage: n,
        start: 0,
        end: 9,
        headings: ["Cranes"],
        place: { kind: "page", name: "3" },
      })),
    },
    {
      type: "tool",
      id: "step_x",
      at: 0,
      round: 0,
      name: "web_search",
      title: "Web search",
      arguments: { query: "western crane" },
      status: "done",
      began_at: "2026-11-30T00:00:00Z",
      result: true,
    },
  ];
  await page.route(`**/api/conversations/${id}*`, async (route) => {
    const thread = await (await route.fetch()).json();
    Object.assign(thread.messages.at(-1), { parts, generation_id: "gen_x" });
    await route.fulfill({ json: thread });
  });
  const links = [{ url: "https://example.org/crane", title: "The western crane" }];
  await page.route("**/steps/step_x", (route) => route.fulfill({ json: { text: "", links } }));
  for (const [path, place] of [
    [`/c/${id}`, "[data-role=assistant] [data-sources]"],
    [`/c/${id}/print`, "[data-print] [data-sources]"],
  ] as const) {
    await page.goto(path);
    await expect(page.locator(place)).toContainText("minutes-2.pdf");
    await expect(page.locator(place)).toContainText("page 3 · Cranes");
    await expect(page.locator(place)).not.toContainText("minutes-1.pdf");
  }
  await expect(page.getByRole("link", { name: "The western crane" })).toHaveAttribute(
    "href",
    links[0]?.url ?? "",
  );
  await app.picture("print-sources");
  await app.accessible();
  await page.emulateMedia({ media: "print" });
  await app.picture("print-sources-paper");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ media: "screen", colorScheme: "dark" });
  await app.picture("print-sources-390-dark");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await context.close();
});

function picture(name: string): string {
  return join(__dirname, "..", "..", "artifacts", "screenshots", `${name}.png`);
}
