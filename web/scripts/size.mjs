// Fails when the JavaScript that a first visit loads is over the budget: `npm run build && npm run size`.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_KB = 300;
const folder = new URL("../../src/causette/http/dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", folder), "utf8"));

const needed = new Set();
const visit = (name) => {
  if (needed.has(name)) return;
  needed.add(name);
  for (const other of manifest[name].imports ?? []) visit(other);
};
for (const [name, chunk] of Object.entries(manifest)) if (chunk.isEntry) visit(name);

let total = 0;
for (const name of needed) {
  const { file } = manifest[name];
  const size = gzipSync(readFileSync(new URL(file, folder)), { level: 9 }).length / 1000;
  total += size;
  process.stdout.write(`${size.toFixed(1).padStart(7)} kB  ${file}\n`);
}
process.stdout.write(
  `${total.toFixed(1).padStart(7)} kB  initial JavaScript, gzipped (budget ${BUDGET_KB})\n`,
);
process.exitCode = total > BUDGET_KB ? 1 : 0;
