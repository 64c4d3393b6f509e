import { expect, phone, signIn, somebody, test } from "./causette";

test("a message is found by its words and shown where it was said", async ({ app, page }) => {
  const id = await app.conversation("My grandmother's élèves studied the migration of storks.");
  const answer = await page.request.get(`/api/conversations/${id}`);
  const message = (await answer.json()).messages[0].id;
  await app.open();
  await page.keyboard.press("Control+K");
  await expect(page.getByRole("combobox")).toBeFocused();
  await page.keyboard.type("eleve stork");
  const found = page.getByRole("option", { name: /You: .*migration of storks/ });
  await expect(found.locator("p mark").filter({ hasText: "storks" })).toBeVisible({ timeout: 20_000 });
  await expect(found.locator("p mark").filter({ hasText: "élèves" })).toBeVisible();
  await app.picture("search");
  await app.accessible();
  for (let step = 0; step < 10 && (await found.getAttribute("aria-selected")) !== "true"; step += 1)
    await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(`/c/${id}$`));
  await expect(page.locator(`[data-message-id="${message}"][data-found]`)).toBeInViewport();
  await app.picture("search-found");
  await app.accessible();
});

test("a message on another branch is shown with its branch", async ({ app, page }) => {
  const id = await app.conversation("Tell me of the narwhal");
  await page.locator("[data-role=user]").hover();
  await page.getByRole("button", { name: "Edit" }).first().click();
  await page.getByLabel("Edit your message").fill("Tell me of the walrus");
  await page.getByRole("button", { name: "Send again" }).click();
  await expect(page.locator("[data-role=user]")).toContainText("walrus");
  await app.stop();
  await page.keyboard.press("Control+K");
  await expect(page.getByRole("combobox")).toBeFocused();
  await page.keyboard.type("narwhal");
  // The question or its reply, whichever has more of the word.
  const said = page.locator("[role=option]:has(mark)").filter({ hasText: /You|Assistant/ });
  await said.first().click({ timeout: 20_000 });
  await expect(page.locator("[data-found]")).toContainText(/narwhal/i);
  await expect(page.locator("[data-role=user]")).toContainText("narwhal");
  await expect(page).toHaveURL(new RegExp(`/c/${id}$`));
  // Its reader can walk on from there.
  await page.reload();
  await expect(page.locator("[data-role=user]")).toContainText("narwhal");
});

test("on a phone, in French, the search fills the screen and says what is wrong", async ({ browser }) => {
  const { page, app, context } = await signIn(browser, await somebody("Ines", "fr"), {
    ...phone,
    locale: "fr-FR",
    colorScheme: "dark",
  });
  await app.open();
  await page.request.post("/api/conversations", {
    data: { content: "Une recette de gâteaux aux noix, avec du chocolat noir et des œufs frais." },
  });
  await page.getByRole("button", { name: "Ouvrir le volet" }).click();
  await page.getByRole("button", { name: /Chercher|Trouver|Rechercher/ }).click();
  const input = page.getByRole("combobox");
  await input.fill("gateau oeuf");
  await expect(page.locator("[role=option] p mark").filter({ hasText: "gâteaux" })).toBeVisible({
    timeout: 20_000,
  });
  await app.picture("search-phone");
  await app.accessible();
  await input.fill("xylophone zzz");
  await expect(page.getByText("Rien ne correspond.")).toBeVisible();
  await page.route("**/api/search*", (route) => route.fulfill({ status: 500, json: {} }));
  await input.fill("recette noix");
  await expect(page.getByText("n’a pas abouti")).toBeVisible();
  await app.picture("search-phone-failed");
  await app.accessible();
  await page.unroute("**/api/search*");
  await page.getByRole("option", { name: "Chercher à nouveau" }).click();
  await expect(page.locator("[role=option] p mark").filter({ hasText: "recette" })).toBeVisible();
  await context.setOffline(true);
  await input.fill("recette chocolat");
  await expect(page.getByText("Sans connexion")).toBeVisible();
  await context.close();
});
