import { expect, phone, signIn, somebody, test } from "./causette";

// One pixel, and a page of words.
const pixel = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);
const tides = Buffer.from("# Tides\n\nHigh water at Saint-Malo is at noon.");

test("files are chosen, dropped and pasted, survive a reload, are sent and found again", async ({
  browser,
}) => {
  const person = await somebody("Maud Kerjean");
  const { context, page, app } = await signIn(browser, person);
  await app.open();
  const shelf = page.getByRole("list", { name: "Files for this message" });
  const send = page.getByRole("button", { name: "Send" });

  await page
    .locator("[data-choose]")
    .setInputFiles({ name: "tides.md", mimeType: "text/plain", buffer: tides });
  await expect(shelf.getByText("tides.md")).toBeVisible();
  await expect(shelf.getByText("MD ·")).toBeVisible();
  await page.reload();
  await expect(shelf.getByText("tides.md")).toBeVisible();

  // As a browser hands over what is dropped on the window, and what is pasted.
  const handed = await page.evaluateHandle(
    (bytes) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], "harbour.png", { type: "image/png" }));
      return data;
    },
    [...pixel],
  );
  await page.dispatchEvent("body", "dragenter", { dataTransfer: handed });
  await expect(page.getByText("Drop files to attach them")).toBeVisible();
  await page.dispatchEvent("body", "drop", { dataTransfer: handed });
  await expect(page.getByText("Drop files to attach them")).toBeHidden();
  await expect(shelf.getByText("harbour.png")).toBeVisible();
  await expect(page.getByText("cannot see pictures")).toBeVisible();
  await app.composer.evaluate(
    (element, bytes) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], "pasted.png", { type: "image/png" }));
      element.dispatchEvent(
        new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }),
      );
    },
    [...pixel],
  );
  await expect(shelf.getByRole("listitem")).toHaveCount(3);
  await page.getByRole("button", { name: "Remove pasted.png" }).click();
  await expect(shelf.getByRole("listitem")).toHaveCount(2);
  await app.picture("files-composer");
  await app.accessible();

  // Files may go without words.
  await expect(send).toBeEnabled();
  await send.click();
  const attached = page.getByRole("list", { name: "Attached files" });
  await expect(attached.getByRole("listitem")).toHaveCount(2);
  await expect(shelf).toBeHidden();
  await app.begun();
  await app.stop();
  await app.picture("files-message");
  await app.accessible();
  await page.getByRole("button", { name: "Open harbour.png" }).click();
  const lightbox = page.getByRole("dialog", { name: "harbour.png" });
  await expect(lightbox.getByRole("img", { name: "harbour.png" })).toBeVisible();
  await app.accessible();
  await page.keyboard.press("Escape");
  await expect(lightbox).toBeHidden();
  const download = page.waitForEvent("download");
  await attached.getByRole("link", { name: "Download tides.md" }).click();
  expect((await download).suggestedFilename()).toBe("tides.md");

  await page.goto("/settings/files");
  const list = page.getByRole("list", { name: "Files", exact: true });
  await expect(list.getByRole("listitem")).toHaveCount(2);
  await expect(list.getByRole("link", { name: /tides|harbour/ }).first()).toBeVisible();
  await app.picture("files-settings");
  await app.accessible();
  await page.getByRole("button", { name: "Rename tides.md" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("tables.md");
  await page.getByRole("button", { name: "Rename", exact: true }).click();
  await expect(list.getByText("tables.md")).toBeVisible();
  await page.getByRole("button", { name: "Delete harbour.png" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await context.close();
});

test("files on a phone, in French, in the dark", async ({ browser }) => {
  const person = await somebody("Yann Riou", "fr");
  const { context, page, app } = await signIn(browser, person, {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  await app.open();
  await page.locator("[data-choose]").setInputFiles([
    { name: "marées.md", mimeType: "text/plain", buffer: tides },
    { name: "port.png", mimeType: "image/png", buffer: pixel },
  ]);
  const shelf = page.getByRole("list", { name: "Fichiers de ce message" });
  await expect(shelf.getByRole("listitem")).toHaveCount(2);
  await expect(page.getByText("ne voit pas les images")).toBeVisible();
  await app.picture("files-composer-phone-fr-dark");
  await app.accessible();
  await page.goto("/settings/files");
  await expect(page.getByRole("list", { name: "Fichiers", exact: true }).getByRole("listitem")).toHaveCount(
    2,
  );
  await expect(page.getByText("Dans aucune conversation").first()).toBeVisible();
  await app.picture("files-settings-phone-fr-dark");
  await app.accessible();
  await context.close();
});
