import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { sandboxes } from "./sandboxes.ts";

const output = new URL("../src/causette/http/dist", import.meta.url).pathname;

/** Large, and seldom asked for: for these, gzip alone is enough. */
const large = /^(?:sandbox\/.*\.html|assets\/.*\.(?:wasm|zip))$/;

/**
 * Writes a .br and a .gz of every text file of the build, so that the server never compresses. Of assets nothing else is
 * kept: every browser takes one of the two.
 */
function precompress(): Plugin {
  let folder = output;
  return {
    name: "precompress",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        const path = join(folder, entry);
        if (large.test(entry)) {
          writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
          rmSync(path);
          continue;
        }
        if (
          entry.startsWith(".") ||
          !/\.(html|js|css|svg|json|webmanifest)$/.test(path) ||
          !statSync(path).isFile()
        )
          continue;
        const bytes = readFileSync(path);
        if (bytes.length < 1024) continue;
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        writeFileSync(
          `${path}.br`,
          brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
        );
        if (entry.startsWith("assets/")) rmSync(path);
      }
    },
  };
}

/** KaTeX offers each face in three formats. Every browser that can run this app reads the first. */
function onlyWoff2(): Plugin {
  return {
    name: "only-woff2",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("katex.min.css")) return undefined;
      return code.replace(/,url\([^)]+\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)/g, "");
    },
  };
}

/**
 * Has each icon be imported from its own file. All of them come from one module otherwise, so that whoever draws one has to
 * wait for those that only other pages draw.
 */
function icons(): Plugin {
  const index = new URL("node_modules/lucide-react/dist/esm/lucide-react.mjs", import.meta.url);
  const files = new Map<string, string>();
  for (const [, names, file] of readFileSync(index, "utf8").matchAll(
    /export {([^}]+)} from '\.\/icons\/(.+)\.mjs'/g,
  ))
    for (const [, name] of (names as string).matchAll(/default as (\w+)/g))
      files.set(name as string, file as string);
  return {
    name: "icons",
    apply: "build",
    enforce: "pre",
    transform(code, id) {
      if (!/\/src\/.*\.tsx?$/.test(id)) return undefined;
      const own = code.replace(/^import {([^}]+)} from "lucide-react";$/gm, (_, names: string) =>
        names
          .split(",")
          .map((each) => each.trim())
          .filter((each) => each && !each.startsWith("type "))
          .map((each) => {
            const [name = "", as = name] = each.split(/ as /);
            if (!files.has(name)) throw new Error(`There is no icon ${name}.`);
            return `import ${as} from "lucide-react/icons/${files.get(name)}";`;
          })
          .join(" "),
      );
      return { code: own, map: null };
    },
  };
}

/** What stands in `public/` under a name without a hash, and belongs to the app all the same. */
const loose = ["appearance.js", "app.webmanifest", "icon.svg"];
/** The faces that every page needs; the others are kept when they are first met. */
const everyPage = /(?:inter|source-serif-4|jetbrains-mono)-latin-wght-normal/;
/** Bigger files (a language's run-time) wait until they are wanted. */
const LARGEST_KEPT = 1_500_000;

/** Has the interface's face fetched along with the scripts, so that no line is set twice. */
function face(): Plugin {
  return {
    name: "face",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(_, { bundle }) {
        const href = Object.keys(bundle ?? {}).find((name) => name.includes("inter-latin-wght-normal"));
        if (!href) throw new Error("The face is not where it was.");
        const attrs = { rel: "preload", as: "font", type: "font/woff2", crossorigin: true, href: `/${href}` };
        return [{ tag: "link", attrs, injectTo: "head" }];
      },
    },
  };
}

/** Tells the service worker which files this build consists of. */
function shell(): Plugin {
  return {
    name: "shell",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const page = bundle["index.html"];
        const worker = bundle["worker.js"];
        if (page?.type !== "asset" || worker?.type !== "chunk") return this.error("Half a build.");
        const whole = createHash("sha256").update(page.source).update(worker.code);
        const files = [];
        for (const name of loose) whole.update(readFileSync(new URL(`public/${name}`, import.meta.url)));
        for (const [name, made] of Object.entries(bundle).sort()) {
          const content = made.type === "chunk" ? made.code : made.source;
          if (name.startsWith("assets/") && (/\.(?:js|css)$/.test(name) || everyPage.test(name)))
            if (content.length < LARGEST_KEPT) files.push(name);
        }
        const known = {
          version: whole.digest("hex").slice(0, 12),
          index: createHash("sha256").update(page.source).digest("hex"),
          files: [...loose, ...files].map((name) => `/${name}`),
        };
        worker.code = `const SHELL=${JSON.stringify(known)};\n${worker.code}`;
      },
    },
  };
}

type Lookup = (id: string) => { importedIds: readonly string[] } | null;

/**
 * Has all that a first visit needs be one file, however many pages share a part of it: a browser fetches six at a time,
 * and a small file waits as long for its turn as a large one.
 */
function inOne(): (id: string, modules: { getModuleInfo: Lookup }) => string | null {
  const entry = new URL("src/main.tsx", import.meta.url).pathname;
  let needed: Set<string> | undefined;
  return (id, modules) => {
    if (!needed) {
      needed = new Set([entry]);
      for (const each of needed)
        for (const other of modules.getModuleInfo(each)?.importedIds ?? []) needed.add(other);
    }
    return needed.has(id) ? "app" : null;
  };
}

export default defineConfig({
  plugins: [onlyWoff2(), icons(), react(), tailwindcss(), sandboxes(), face(), shell(), precompress()],
  resolve: { alias: { "~": new URL("./src", import.meta.url).pathname } },
  build: {
    outDir: output,
    emptyOutDir: true,
    manifest: true,
    // The content security policy allows no data: fonts or scripts, so nothing is inlined.
    assetsInlineLimit: 0,
    target: ["chrome123", "firefox120", "safari17.5"],
    rolldownOptions: {
      input: { index: "index.html", worker: "src/offline/worker.ts" },
      output: {
        entryFileNames: ({ name }) => (name === "worker" ? "worker.js" : "assets/[name]-[hash].js"),
        codeSplitting: { groups: [{ name: inOne() }] },
      },
    },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
  server: { proxy: { "/api": process.env.CAUSETTE_URL ?? "http://127.0.0.1:8000" } },
});
