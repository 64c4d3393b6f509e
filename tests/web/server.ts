/** Starts a real `causette serve` in a folder of its own, with nothing in it yet, and stops it after the last test. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelsFolder, python, root } from "./beside";

/** The one-time link, once the server has printed it. */
function link(server: ChildProcess): Promise<URL> {
  return new Promise((resolve, reject) => {
    let said = "";
    const timer = setTimeout(
      () => reject(new Error(`No one-time link within five minutes:\n${said}`)),
      300_000,
    );
    server.stdout?.on("data", (chunk: Buffer) => {
      said += chunk;
      const found = /\bhttp\S+\/setup\?token=\S+/.exec(said);
      if (!found) return;
      clearTimeout(timer);
      resolve(new URL(found[0]));
    });
    server.stderr?.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    server.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`The server ended with code ${code}:\n${said}`));
    });
  });
}

/** An OpenID Connect provider beside the server, and where it is. */
async function provider(): Promise<{ issuer: string; process: ChildProcess }> {
  const found = spawn(python, ["-m", "tests.accounts.sign_on.provider_process"], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const issuer = await new Promise<string>((resolve, reject) => {
    found.stdout?.once("data", (line: Buffer) => resolve(line.toString().trim()));
    found.once("exit", (code) => reject(new Error(`The provider ended with code ${code}.`)));
  });
  return { issuer, process: found };
}

export default async function start(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "causette-web-"));
  const elsewhere = await provider();
  const server = spawn(python, ["-m", "causette", "serve", "--port", "0", "--data", join(folder, "data")], {
    cwd: root,
    env: {
      ...process.env,
      CAUSETTE_MODELS: modelsFolder(),
      CAUSETTE_KV_CACHE_GB: "1",
      // Who waits for a run is this.
      CAUSETTE_LAB_NICE: "0",
      CAUSETTE_SIGN_UP: "open",
      // There is never so much to learn from.
      CAUSETTE_FLYWHEEL: JSON.stringify({ at: "02:30", least: 1_000_000, share_percent: 5 }),
      CAUSETTE_SIGN_ON: JSON.stringify([
        {
          name: "elsewhere",
          title: "Elsewhere",
          issuer: elsewhere.issuer,
          client_id: "causette",
          client_secret: "a secret: 100% of it",
        },
      ]),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  // Without a mail server, the log is where its letters are read.
  const log = join(folder, "server.log");
  const kept = createWriteStream(log);
  server.stdout?.pipe(kept, { end: false });
  server.stderr?.pipe(kept, { end: false });
  const first = await link(server);
  process.env.CAUSETTE_TEST_URL = first.origin;
  process.env.CAUSETTE_TEST_LOG = log;
  process.env.CAUSETTE_TEST_ISSUER = elsewhere.issuer;
  process.env.CAUSETTE_TEST_DATA = join(folder, "data");
  process.env.CAUSETTE_TEST_LINK = first.pathname + first.search;
  process.env.CAUSETTE_TEST_STATE = join(folder, "state.json");
  return async () => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    const insist = setTimeout(() => server.kill("SIGKILL"), 40_000);
    await ended;
    clearTimeout(insist);
    elsewhere.process.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  };
}
