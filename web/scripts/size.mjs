// Fails when the JavaScript that a first visit loads is over the budget: `npm run build && npm run size`.
import { existsSync, readFileSync } from "node:fs";
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
visit("index.html");

/** What the build compressed is kept in no other form. */
function gzipped(path) {
  const packed = new URL(`${path}.gz`);
  return existsSync(packed) ? readFileSync(packed).length : gzipSync(readFileSync(path), { level: 9 }).length;
}

let total = 0;
for (const name of needed) {
  const { file } = manifest[name];
  const size = gzipped(new URL(file, folder)) / 1000;
  total += size;
  process.stdout.write(`${size.toFixed(1).padStart(7)} kB  ${file}\n`);
}
process.stdout.write(
  `${total.toFixed(1).padStart(7)} kB  initial JavaScript, gzipped (budget ${BUDGET_KB})\n`,
);
process.exitCode = total > BUDGET_KB ? 1 : 0;
