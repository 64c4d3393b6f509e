import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin, type Rolldown } from "vite";

/**
 * The frames in which what a model wrote is run, each one file with everything in it: so their policy can forbid every
 * request (`causette.http.static_web`). By name, with what is in their head besides the script.
 */
const frames: Record<string, string> = {
  page: "",
  component:
    "<style>body{margin:0;padding:1rem;font-family:ui-sans-serif,system-ui,sans-serif;line-height:1.5}</style>",
  diagram:
    "<style>body{margin:0}.diagram{display:grid;place-items:center;min-height:100vh;padding:1rem;box-sizing:border-box}.diagram svg{max-width:100%;height:auto}</style>",
  python: "",
};

const here = new URL(".", import.meta.url).pathname;

/** One script with all that it imports. */
async function bundle(name: string): Promise<string> {
  const built = (await build({
    root: here,
    configFile: false,
    logLevel: "error",
    publicDir: false,
    resolve: { alias: { "elkjs/lib/elk.bundled.js": join(here, "src/sandbox/noElk.ts") } },
    define: {
      "process.env.NODE_ENV": '"production"',
      // A worker that is made of a text has no address.
      "import.meta.url": '"https://sandbox.invalid/worker.js"',
    },
    build: {
      write: false,
      target: ["chrome123", "firefox120", "safari17.5"],
      rolldownOptions: {
        input: join(here, "src/sandbox", name),
        output: { format: "iife", codeSplitting: false },
      },
    },
  })) as Rolldown.RolldownOutput;
  return built.output[0].code;
}

/** A script as a string in a page: nothing in it can end the element that it stands in. */
function quoted(script: string): string {
  return JSON.stringify(script).replaceAll("<", "\\u003c");
}

export async function frame(name: string): Promise<string> {
  const file = name === "component" ? "component.tsx" : `${name}.ts`;
  const script = await bundle(file);
  const worker = name === "python" ? `window.workerSource=${quoted(await bundle("worker.ts"))};` : "";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox</title>${frames[name]}</head><body><script>
${worker}{const s=document.createElement("script");s.textContent=${quoted(script)};document.currentScript.replaceWith(s);s.remove()}
</script></body></html>
`;
}

export function sandboxes(): Plugin {
  let folder = "";
  return {
    name: "sandboxes",
    configResolved(config) {
      folder = join(config.build.outDir, "sandbox");
    },
    configureServer(server) {
      server.middlewares.use("/sandbox/", async (request, response, next) => {
        const name = /^\/?(\w+)\.html$/.exec(request.url ?? "")?.[1];
        if (!name || !(name in frames)) return next();
        response.setHeader("content-type", "text/html; charset=utf-8");
        response.end(await frame(name));
      });
    },
    async writeBundle() {
      mkdirSync(folder, { recursive: true });
      for (const name of Object.keys(frames)) writeFileSync(join(folder, `${name}.html`), await frame(name));
    },
  };
}
