import type { Locator, Page } from "@playwright/test";
import { type App, expect, phone, signIn, somebody, test } from "./causette";

const ROPES = "The harbour office keeps a ledger of ropes, lamps and paint for the boats of the bay. ";
const CRANE = "The western crane was repaired in March by the Lindqvist brothers.";

/** A handbook of so many chapters, in one of which the crane is. */
function handbook(chapters: number): Buffer {
  const chapter = (number: number) => `## Chapter ${number}\n\n${ROPES.repeat(16)}`;
  const before = Array.from({ length: chapters }, (_, at) => chapter(at + 1));
  const after = Array.from({ length: 3 }, (_, at) => chapter(chapters + at + 1));
  return Buffer.from(["# Handbook", ...before, `## Cranes\n\n${CRANE}`, ...after].join("\n\n"));
}

const file = (name: string, buffer: Buffer) => ({ name, mimeType: "application/octet-stream", buffer });
const broken = Buffer.from("%PDF-1.4 broken");

/** Drops a file on a place, as a browser hands it over. */
async function drop(page: Page, place: Locator, name: string, content: Buffer): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    ([name, text]) => {
      const data = new DataTransfer();
      data.items.add(new File([text ?? ""], name ?? ""));
      return data;
    },
    [name, content.toString()],
  );
  for (const type of ["dragenter", "dragover", "drop"]) await place.dispatchEvent(type, { dataTransfer });
}

/** Opens what the last reply cites, and expects the document there, with the passage in sight. */
async function openCited(app: App, page: Page): Promise<Locator> {
  await app.stop();
  await page.locator("[data-sources]").last().getByRole("button").first().click();
  const panel = page.getByRole("dialog");
  await expect(panel.locator("[data-passage]")).toContainText("Lindqvist brothers");
  await expect(panel.locator("[data-passage]")).toBeInViewport();
  return panel;
}

test("a project's documents say how far they are, answer, and open at what is cited", async ({ browser }) => {
  const { app, page, context } = await signIn(browser, await somebody("Gwen Tanguy"));
  const made = await page.request.post("/api/projects", { data: { name: "Harbour", emoji: "💼" } });
  const { id } = await made.json();
  await app.open(`/p/${id}`);
  const files = page.getByRole("region", { name: "Files" });
  await expect(files.getByText("Add documents that every conversation here can draw on")).toBeVisible();

  await files.locator("[data-choose]").setInputFiles(file("handbook.md", handbook(240)));
  const document = files.getByRole("listitem").filter({ hasText: "handbook.md" });
  await expect(document).toContainText("Being read:");
  await expect(document.getByRole("progressbar")).toBeVisible();
  await app.accessible();
  await app.picture("knowledge-reading");
  await expect(document).toContainText(/\d+ passages · MD/, { timeout: 100_000 });
  await expect(files.getByRole("status")).toHaveText("All files have been read.");

  // One that cannot be read says why, and is tried again without a reload.
  await drop(page, files, "minutes.pdf", broken);
  const minutes = files.getByRole("listitem").filter({ hasText: "minutes.pdf" });
  await expect(minutes).toContainText("it may be broken, protected with a password, or too large");
  await expect(page.getByText("Drop files to attach them")).toBeHidden();
  await app.accessible();
  await app.picture("knowledge-failed");
  const retried = page.waitForResponse((answer) => answer.url().endsWith("/retry"));
  await minutes.getByRole("button", { name: "Try minutes.pdf again" }).click();
  expect((await retried).status()).toBe(202);
  await expect(minutes).toContainText("it may be broken");
  await minutes.getByRole("button", { name: "Take minutes.pdf out of the project" }).click();
  await expect(files.getByRole("listitem")).toHaveCount(1);
  await expect(page.getByText("The file stays under Settings, Files.")).toBeVisible();

  await app.say("Who repaired the western crane?");
  await page.waitForURL(/\/c\//);
  const panel = await openCited(app, page);
  await app.accessible();
  await app.picture("knowledge-cited");
  await page.keyboard.press("Escape");
  await expect(panel).toBeHidden();
  await context.close();
});

test("an assistant's documents answer whom it is shared with, who open what is cited until it is not", async ({
  browser,
}) => {
  const maker = await signIn(browser, await somebody("Erwan Le Goff"));
  const body = { name: "Harbour master", emoji: "🔎", instructions: "Answer in one sentence." };
  const made = await maker.page.request.post("/api/assistants", { data: { ...body, sharing: "everybody" } });
  const { id } = await made.json();
  await maker.page.goto(`/assistants/${id}`);
  const files = maker.page.getByRole("region", { name: "Files" });
  await drop(maker.page, files, "handbook.md", handbook(2));
  await expect(files.getByRole("listitem")).toContainText(/\d+ passages · MD/);
  await files.scrollIntoViewIfNeeded();
  await maker.app.accessible();
  await maker.app.picture("knowledge-assistant");

  const reader = await signIn(browser, await somebody("Anna Berg"));
  await reader.app.open(`/a/${id}`);
  await reader.app.say("Who repaired the western crane?");
  await reader.page.waitForURL(/\/c\//);
  await openCited(reader.app, reader.page);
  await reader.app.picture("knowledge-shared-reader");
  await reader.page.keyboard.press("Escape");

  // Shared no more, the source is named and opens nothing.
  await maker.page.request.patch(`/api/assistants/${id}`, { data: { sharing: "private" } });
  await reader.page.reload();
  await reader.page.locator("[data-sources]").getByRole("button").first().click();
  await expect(reader.page.getByText("you may not read it any more")).toBeVisible();
  await reader.app.accessible();
  await reader.context.close();
  await maker.context.close();
});

test("an assistant's documents on a phone, in French, in the dark", async ({ browser }) => {
  const { app, page, context } = await signIn(browser, await somebody("Nolwenn Guéguen", "fr"), {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  const made = await page.request.post("/api/assistants", { data: { name: "Capitaine", emoji: "🌍" } });
  const { id } = await made.json();
  await page.goto(`/assistants/${id}`);
  const files = page.getByRole("region", { name: "Fichiers" });
  await files
    .locator("[data-choose]")
    .setInputFiles([
      file("manuel-du-port-de-plaisance-et-de-ses-environs.md", handbook(2)),
      file("procès-verbal.pdf", broken),
    ]);
  await expect(files.getByText(/\d+ passages · MD/)).toBeVisible();
  await expect(files.getByText("il est peut-être abîmé")).toBeVisible();
  await files.scrollIntoViewIfNeeded();
  await app.accessible();
  await app.picture("phone-knowledge-assistant-fr-dark");
  await page.getByRole("button", { name: "Réessayer procès-verbal.pdf" }).tap();
  await expect(files.getByText("il est peut-être abîmé")).toBeVisible();

  await page.goto(`/a/${id}`);
  await app.composer.fill("Qui a réparé la grue ? Who repaired the western crane?");
  await page.getByRole("button", { name: "Envoyer" }).tap();
  await page.waitForURL(/\/c\//);
  await openCited(app, page);
  await app.accessible();
  await app.picture("phone-knowledge-cited-fr-dark");
  await context.close();
});
