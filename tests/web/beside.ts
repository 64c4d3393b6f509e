/** What journeys do beside the server, in its data folder, by the project's Python. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export const root = join(__dirname, "..", "..");

const own = join(root, ".venv", "bin", "python");
export const python = existsSync(own) ? own : "python3";

/** The data folder of the server under test. */
export const data = () => process.env.CAUSETTE_TEST_DATA ?? "";

/** Runs a module of the tests to its end, and returns what it prints. */
export function runs(module: string, ...given: string[]): string {
  const env = { ...process.env, CAUSETTE_MODELS: modelsFolder() };
  return execFileSync(python, ["-m", module, data(), ...given], { cwd: root, env, encoding: "utf8" });
}

/** The weights are fetched once for all test runs, these and Python's. */
export function modelsFolder(): string {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  return process.env.CAUSETTE_TEST_MODELS ?? join(cache, "causette-tests", "models");
}

/** The weights of the model that every test run has. */
export function weights(): string {
  const folder = join(modelsFolder(), "smollm2-135m-instruct");
  return join(folder, readdirSync(folder).find((name) => name.endsWith(".gguf")) ?? "");
}
