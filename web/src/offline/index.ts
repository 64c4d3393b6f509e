/**
 * What of the app is on this device. Little of it is loaded at first: a worker is installed and conversations are kept
 * once somebody is signed in, and both are gone when they have signed out.
 */
import type { Bootstrap } from "~/api/types";
import { words } from "~/i18n";
import { notify } from "~/notices";
import { preferences } from "~/preferences";

/** Says that something is kept, without asking the database. */
const MARK = "causette.kept";
const UPDATE_MS = 3_600_000;
/** So long after somebody came, all of the app is fetched for later: what they came for goes first. Milliseconds. */
const SETTLED_MS = 1_500;

const keeping = () => import("./keeping");

/** Somebody is here: what they read from now on is kept, unless they chose otherwise. */
export async function arrive(user: string): Promise<void> {
  clearTimeout(settling);
  settling = setTimeout(install, SETTLED_MS);
  if (preferences.get("offline") === "off") return;
  localStorage.setItem(MARK, "yes");
  (await keeping()).keepFor(user);
}

/** Nobody is here any more: neither their conversations nor the app stay on this device. */
export async function leave(): Promise<void> {
  clearTimeout(settling);
  await Promise.all([forgetConversations(), uninstall()]);
}

export async function forgetConversations(): Promise<void> {
  if (!localStorage.getItem(MARK)) return;
  await (await keeping()).wipe();
  localStorage.removeItem(MARK);
}

export async function forgetKept(conversation: string): Promise<void> {
  if (localStorage.getItem(MARK)) await (await keeping()).forgetOne(conversation);
}

/** What was known when the server could last be reached, for when it cannot. */
export async function recall(): Promise<Bootstrap | null> {
  return localStorage.getItem(MARK) ? (await keeping()).remember() : null;
}

let settling: ReturnType<typeof setTimeout> | undefined;
let updates: ReturnType<typeof setInterval> | undefined;
let taking = false;

async function install(): Promise<void> {
  if (!import.meta.env.PROD || updates || !("serviceWorker" in navigator)) return;
  // Where workers are forbidden there is no registration either, whatever the types say.
  const registration = (await navigator.serviceWorker
    .register("/worker.js", { updateViaCache: "none" })
    .catch(() => undefined)) as ServiceWorkerRegistration | undefined;
  if (!registration) return;
  const offer = () => {
    const { waiting } = registration;
    if (!waiting || !navigator.serviceWorker.controller) return;
    const t = words().update;
    notify(t.ready, { label: t.reload, run: () => takeOver(waiting) }, { stays: true });
  };
  offer();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", offer);
  });
  updates = setInterval(() => registration.update().catch(() => {}), UPDATE_MS);
}

/** The new version takes over; then this tab loads it. Others go on with the old one, which stays kept for them. */
function takeOver(waiting: ServiceWorker): void {
  if (taking) return;
  taking = true;
  navigator.serviceWorker.addEventListener("controllerchange", () => window.location.reload(), {
    once: true,
  });
  waiting.postMessage("take over");
}

async function uninstall(): Promise<void> {
  clearInterval(updates);
  updates = undefined;
  if (!("serviceWorker" in navigator)) return;
  const registrations = await navigator.serviceWorker.getRegistrations().catch(() => []);
  await Promise.all(registrations.map((each) => each.unregister()));
  const names = "caches" in window ? await caches.keys() : [];
  await Promise.all(names.filter((name) => name.startsWith("causette-")).map((name) => caches.delete(name)));
}
