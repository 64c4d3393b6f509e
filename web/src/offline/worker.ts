/**
 * The service worker: keeps the app itself (never an answer of the API), so that it opens without a network, and shows
 * what ended while nobody looked.
 *
 * Each build has its own list of files and its own cache. A page asks the server for `index.html` first, so that a reload
 * always brings the newest; what that page names has its hash in its name, so a cache can hold no other content for it.
 * The cache of the version before stays until the one after comes, for the tabs that still run it.
 */

/** Put in by the build: what it made, a hash of it all, and the SHA-256 of its `index.html`. */
declare const SHELL: { version: string; index: string; files: readonly string[] };

const scope = self as unknown as ServiceWorkerGlobalScope;

const PREFIX = "causette-shell-";
const NAME = PREFIX + SHELL.version;
/** A server that is slower than this to say which version there is, is not waited for. */
const PATIENCE_MS = 4_000;
/** Neither the app's pages nor its files. */
const ELSEWHERE = /^\/(?:api|v1|metrics|healthz|readyz)(?:\/|$)|\.[a-z0-9]+$/i;

scope.addEventListener("install", (event) => event.waitUntil(take()));

scope.addEventListener("activate", (event) => event.waitUntil(tidy()));

scope.addEventListener("message", (event) => {
  if (event.data === "take over") event.waitUntil(scope.skipWaiting());
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== scope.location.origin) return;
  if (pathname.startsWith("/assets/")) event.respondWith(asset(request));
  else if (request.destination === "document" && !ELSEWHERE.test(pathname)) event.respondWith(page(event));
  else if (SHELL.files.includes(pathname)) event.respondWith(loose(request));
});

scope.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(String(event.notification.data)));
});

/** Fetches what this version consists of; what an earlier one had under the same hash is not fetched again. */
async function take(): Promise<void> {
  const cache = await caches.open(NAME);
  const one = async (path: string) => {
    const kept = path.startsWith("/assets/") ? await caches.match(path) : undefined;
    const answer = kept ?? (await fetch(path, { cache: "no-cache" }));
    if (!answer.ok || answer.redirected) throw new Error(`${path}: ${answer.status}`);
    // While a server is being upgraded, the page may be of another version than this worker: then is not the time.
    if (path === "/" && (await hash(answer.clone())) !== SHELL.index) throw new Error("Another version.");
    await cache.put(path, answer);
  };
  try {
    await Promise.all(["/", ...SHELL.files].map(one));
  } catch (error) {
    await caches.delete(NAME);
    throw error;
  }
}

async function hash(answer: Response): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await answer.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function tidy(): Promise<void> {
  // In the order in which they were made.
  const others = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
  await scope.registration.navigationPreload?.enable();
  await scope.clients.claim();
}

/** Named by its content, so that whichever cache has it has the right one. */
async function asset(request: Request): Promise<Response> {
  const kept = await caches.match(request, { ignoreVary: true });
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok && answer.status === 200) {
    const cache = await caches.open(NAME);
    await cache.put(request, answer.clone());
  }
  return answer;
}

async function page(event: FetchEvent): Promise<Response> {
  const kept = async () =>
    (await (await caches.open(NAME)).match("/", { ignoreVary: true })) ?? Response.error();
  const asked = (async () =>
    ((await event.preloadResponse) as Response | undefined) ?? fetch(event.request))();
  const late = new Promise<null>((resolve) => setTimeout(resolve, PATIENCE_MS, null));
  try {
    const answer = await Promise.race([asked, late]);
    // A proxy answers 502 to 504 for a server that is away.
    return answer === null || (answer.status >= 502 && answer.status <= 504) ? await kept() : answer;
  } catch {
    return kept();
  }
}

/** Files without a hash in their name: the server's, or without it the kept ones. */
async function loose(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch {
    const cache = await caches.open(NAME);
    return (await cache.match(request, { ignoreVary: true })) ?? Response.error();
  }
}

async function show(path: string): Promise<void> {
  const pages = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
  const open = pages.find(({ url }) => new URL(url).pathname === path) ?? pages[0];
  if (!open) {
    await scope.clients.openWindow(path);
    return;
  }
  open.postMessage({ show: path });
  await open.focus();
}
