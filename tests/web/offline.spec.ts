import type { Page } from "@playwright/test";
import { expect, signIn, somebody, test } from "./causette";

test.use({ serviceWorkers: "allow" });

/** Waits until the app is on this device, with what it keeps of the conversations. */
async function installed(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const { active } = await navigator.serviceWorker.ready;
    if (active?.state === "activated") return;
    await new Promise((resolve) =>
      active?.addEventListener("statechange", () => active.state === "activated" && resolve(null)),
    );
  });
}

/** How many of the conversations on this device have a reply that was still being written when they were kept. */
function unfinished(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const asked = indexedDB.open("causette");
        asked.onsuccess = () => {
          const all = asked.result.transaction("threads").objectStore("threads").getAll();
          all.onsuccess = () => {
            asked.result.close();
            resolve(
              all.result.filter(({ data }) =>
                data.messages.some(({ status }: { status: string }) => status === "streaming"),
              ).length,
            );
          };
        };
      }),
  );
}

function kept(page: Page): Promise<{ threads: number; workers: number; caches: number }> {
  return page.evaluate(async () => {
    const known = (await indexedDB.databases()).some(({ name }) => name === "causette");
    const threads = !known
      ? 0
      : await new Promise<number>((resolve) => {
          const asked = indexedDB.open("causette");
          asked.onsuccess = () => {
            const count = asked.result.transaction("threads").objectStore("threads").count();
            count.onsuccess = () => {
              asked.result.close();
              resolve(count.result);
            };
          };
        });
    const workers = (await navigator.serviceWorker.getRegistrations()).length;
    return { threads, workers, caches: (await caches.keys()).length };
  });
}

test("without a network the app opens on the last conversations, and leaves nothing behind on signing out", async ({
  browser,
}) => {
  const { context, page, app } = await signIn(browser, await somebody("Odette Loin"), {
    serviceWorkers: "allow",
  });
  const other = await app.conversation("Name a lake.");
  await expect.poll(async () => (await kept(page)).threads).toBe(1);
  await expect.poll(() => unfinished(page)).toBe(0);
  const id = await app.conversation("What is a lighthouse?");
  const words = await app.shown();
  await installed(page);
  await expect.poll(async () => (await kept(page)).threads).toBe(2);
  await expect.poll(() => unfinished(page)).toBe(0);

  await context.setOffline(true);
  await page.reload();
  await expect(page.getByText("You are offline.")).toBeVisible();
  await expect(page.locator("[data-role=user]")).toHaveText(/What is a lighthouse\?/);
  expect(await app.shown()).toBe(words);
  await app.picture("offline-conversation");
  await app.accessible();

  await page.locator(`nav a[href="/c/${other}"]`).click();
  await expect(page.locator("[data-role=user]")).toHaveText(/Name a lake\./);
  await app.composer.fill("And a sea?");
  await expect(page.getByRole("button", { name: "Send" })).toBeDisabled();
  await page.goto("/c/conv_elsewhere");
  await expect(page.getByText("This conversation is not on this device.")).toBeVisible();
  await app.picture("offline-not-kept");
  await app.accessible();
  await page.goto("/settings/device");
  await expect(page.getByText("2 conversations are kept.")).toBeVisible();

  await page.goto(`/c/${other}`);
  await expect(app.composer).toHaveValue("And a sea?");
  await context.setOffline(false);
  await expect(page.getByText("You are offline.")).toBeHidden();
  await expect(page.getByRole("button", { name: "Send" })).toBeEnabled();

  await page.goto(`/c/${id}`);
  await page.getByRole("button", { name: /Account and settings/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
  await expect.poll(() => kept(page)).toEqual({ threads: 0, workers: 0, caches: 0 });
  await context.close();
});

test("whoever shares a computer keeps nothing on it, and a session ended elsewhere leaves nothing", async ({
  browser,
}) => {
  const { context, page, app } = await signIn(browser, await somebody("Pascale Prudente"), {
    serviceWorkers: "allow",
  });
  await app.conversation("Name a river.");
  await expect.poll(async () => (await kept(page)).threads).toBe(1);
  await page.goto("/settings/device");
  const keep = page.getByRole("switch", { name: "Keep the last conversations on this device" });
  await keep.click();
  await expect.poll(async () => (await kept(page)).threads).toBe(0);
  await page.reload();
  await expect(keep).not.toBeChecked();
  await app.picture("settings-device");
  await app.accessible();
  await keep.click();
  await expect(page.getByText(/conversations? (is|are) kept/)).toBeHidden();
  await page.goto("/");
  await page.locator("nav a[href^='/c/']").first().click();
  await expect.poll(async () => (await kept(page)).threads).toBe(1);

  // Ended elsewhere: the next answer says so.
  expect((await context.request.delete("/api/session")).ok()).toBe(true);
  await page.reload();
  await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
  await expect.poll(() => kept(page)).toEqual({ threads: 0, workers: 0, caches: 0 });
  await context.close();
});
