import { type App, expect, imported, phone, signIn, somebody, test } from "./causette";

const fenced = (info: string, source: string) => `\`\`\`${info}\n${source}\n\`\`\``;

const page = (words: string) => `<!doctype html>
<title>Tide table</title>
<style>body{font-family:sans-serif;padding:2rem}</style>
<h1>${words}</h1>
<button onclick="this.textContent = 'High water'">When?</button>`;

const lighthouse = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">
<title>Lighthouse</title><rect x="40" y="20" width="20" height="70" fill="#a8481f"/><circle cx="50" cy="15" r="8" fill="#e0b25b"/>
</svg>`;

const route = "flowchart LR\n  Harbour --> Lock --> Canal\n  Lock --> Basin";

const counter = `import { useState } from "react";

export default function Counter() {
  const [boats, setBoats] = useState(0);
  return <button onClick={() => setBoats(boats + 1)}>{boats} boats</button>;
}`;

const handbook = `# Harbour handbook\n\n${Array.from({ length: 8 }, (_, index) => `${index + 1}. Rule number ${index + 1}.`).join("\n")}\n\n| flag | means |\n| --- | --- |\n| red | stay |\n| green | leave |`;

const turns = [
  { asked: "Make a page of the tides.", reply: `Here it is.\n\n${fenced("html", page("Tides at noon"))}` },
  { asked: "At one o’clock.", reply: `As you wish.\n\n${fenced("html", page("Tides at one"))}` },
  {
    asked: "Now everything else.",
    reply: [
      fenced("svg", lighthouse),
      fenced('mermaid title="The way out"', route),
      fenced("jsx", counter),
      fenced("markdown", handbook),
    ].join("\n\n"),
  },
];

const card = (app: App, title: string) => app.page.getByRole("button", { name: `Open “${title}”` });

test("what replies make opens beside the conversation, in its versions, and is downloaded and edited", async ({
  browser,
}) => {
  const { context, page, app } = await signIn(browser, await somebody("Mona Werk"));
  await page.goto(`/c/${await imported(page, "Harbour", turns)}`);
  await card(app, "Tide table").last().click();
  const beside = page.getByRole("complementary", { name: "“Tide table”, beside the conversation" });
  const shown = beside.frameLocator("iframe").last();
  await expect(shown.getByRole("heading", { name: "Tides at one" })).toBeVisible();
  await shown.getByRole("button", { name: "When?" }).click();
  await expect(shown.getByRole("button", { name: "High water" })).toBeVisible();
  await app.picture("artifact-page");
  await app.accessible();
  await beside.getByRole("button", { name: "Older version" }).click();
  await expect(shown.getByRole("heading", { name: "Tides at noon" })).toBeVisible();
  await expect(beside.getByText("1/2")).toBeVisible();
  const download = page.waitForEvent("download");
  await beside.getByRole("button", { name: "Download" }).click();
  expect((await download).suggestedFilename()).toBe("tide-table.html");
  await beside.getByRole("button", { name: "Source", exact: true }).click();
  await expect(beside.getByText("Tides at noon")).toBeVisible();
  await app.picture("artifact-source");
  await app.accessible();
  await beside.getByRole("button", { name: "Preview", exact: true }).click();

  await card(app, "Lighthouse").click();
  const pictured = page.getByRole("complementary", { name: "“Lighthouse”, beside the conversation" });
  await expect(pictured.frameLocator("iframe").last().locator("svg rect")).toBeVisible();
  await app.picture("artifact-svg");
  await card(app, "The way out").click();
  const drawn = page.getByRole("complementary", { name: "“The way out”, beside the conversation" });
  await expect(drawn.frameLocator("iframe").last().getByText("Harbour")).toBeVisible();
  await app.picture("artifact-mermaid");
  await card(app, "Counter").click();
  const component = page.getByRole("complementary", { name: "“Counter”, beside the conversation" });
  await component.frameLocator("iframe").last().getByRole("button", { name: "0 boats" }).click();
  await expect(
    component.frameLocator("iframe").last().getByRole("button", { name: "1 boats" }),
  ).toBeVisible();
  await app.picture("artifact-component");
  await card(app, "Harbour handbook").click();
  const handed = page.getByRole("complementary", { name: "“Harbour handbook”, beside the conversation" });
  await expect(handed.getByRole("cell", { name: "green" })).toBeVisible();
  await app.picture("artifact-document");
  await app.accessible();

  // One's own version of it is a version of the reply.
  await card(app, "Counter").click();
  await component.getByRole("button", { name: "Source", exact: true }).click();
  await component.getByRole("button", { name: "Edit", exact: true }).click();
  await component
    .getByLabel("The source of “Counter”")
    .fill(counter.replace("{boats} boats", "{boats.at(0)}"));
  await component.getByRole("button", { name: "Save as a version" }).click();
  await expect(page.getByText("Corrected by you")).toBeVisible();
  await component.getByRole("button", { name: "Preview", exact: true }).click();
  await expect(component.getByRole("alert")).toContainText("Something in it went wrong");
  await app.picture("artifact-failed");
  await app.accessible();
  await component.getByRole("button", { name: "Ask to fix" }).click();
  await expect(app.composer).toHaveValue(/“Counter” fails with this error/);
  await component.getByRole("button", { name: "Close", exact: true }).click();
  await expect(component).toBeHidden();
  await context.close();
});

test("on a phone what a reply makes is a sheet over the conversation, in French, in the dark", async ({
  browser,
}) => {
  const { context, page, app } = await signIn(browser, await somebody("Odile Toile", "fr"), {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  await page.goto(`/c/${await imported(page, "Le port", turns)}`);
  await expect(page.getByRole("button", { name: "Ouvrir « Harbour handbook »" })).toBeVisible();
  await app.picture("artifact-cards-phone-fr-dark");
  await page.getByRole("button", { name: "Ouvrir « The way out »" }).click();
  const sheet = page.getByRole("dialog");
  await expect(sheet.frameLocator("iframe").last().getByText("Harbour")).toBeVisible();
  await app.picture("artifact-sheet-phone-fr-dark");
  await app.accessible();
  await page.keyboard.press("Escape");
  await expect(sheet).toBeHidden();
  await page.getByRole("button", { name: "Ouvrir « Tide table »" }).last().click();
  await expect(
    sheet.frameLocator("iframe").last().getByRole("heading", { name: "Tides at one" }),
  ).toBeVisible();
  await app.picture("artifact-page-phone-fr-dark");
  await context.close();
});
