import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { defineConfig } from "@playwright/test";

function onPath(...names: string[]): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
}

const executablePath =
  process.env.CAUSETTE_CHROMIUM ?? onPath("chromium", "chromium-browser", "google-chrome");
if (!executablePath)
  throw new Error("The browser tests need Chromium: install it, or name it in CAUSETTE_CHROMIUM.");

/** Journeys through a real server with a real (and slow) little model, so one at a time and with patience. */
export default defineConfig({
  testDir: "../tests/web",
  tsconfig: "./tsconfig.e2e.json",
  globalSetup: "../tests/web/server.ts",
  outputDir: "../artifacts/playwright",
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: [["list"]],
  use: {
    locale: "en-GB",
    colorScheme: "light",
    // Each test is a browser of its own: only those about the installed app need install it.
    serviceWorkers: "block",
    viewport: { width: 1440, height: 900 },
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    { name: "first run", testMatch: "first-run.spec.ts" },
    { name: "journeys", testIgnore: "first-run.spec.ts", dependencies: ["first run"] },
  ],
});
