/**
 * Takes the ways out of a worker, before anything else is loaded. The frame's policy forbids them all the same; without
 * them Python fails at once and says why. The runtime also looks for `importScripts`, and wants there to be none.
 */
for (const name of [
  "importScripts",
  "XMLHttpRequest",
  "WebSocket",
  "EventSource",
  "WebTransport",
  "BroadcastChannel",
])
  Object.defineProperty(globalThis, name, { value: undefined, configurable: true });

/** What the runtime asks for by address, by the end of that address. Nothing else can be asked for. */
export const served: Record<string, [ArrayBuffer, string]> = {};

async function fetch(input: RequestInfo | URL): Promise<Response> {
  const found = served[String(input).split("/").at(-1) ?? ""];
  if (!found) throw new TypeError("There is no network here.");
  return new Response(found[0], { headers: { "content-type": found[1] } });
}

Object.defineProperty(globalThis, "fetch", { value: fetch, configurable: true });
