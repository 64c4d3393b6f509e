import type { Conversation } from "~/api/types";
import { words } from "~/i18n";
import { notify } from "~/notices";
import { preferences } from "~/preferences";
import { note } from "./unseen";

/** A reply that takes longer is one that people turn away from, in milliseconds. */
const LONG_MS = 20_000;

/** A reply ended in a conversation that is not being looked at, `took` milliseconds after it was asked for. */
export function endedOutOfSight({ id, title }: Conversation, took: number): void {
  note(id);
  if (!document.hidden || took < LONG_MS) return;
  if (preferences.get("alerts") === "on") tell(id, title);
  else if (preferences.get("alerts") === null && canAsk()) askOnReturn();
}

/** Whether the browser can tell of anything, and has not been forbidden to. */
export function canAsk(): boolean {
  return "Notification" in window && "serviceWorker" in navigator && Notification.permission !== "denied";
}

/** Asks the browser for leave, and returns whether it was given. */
export async function turnOn(): Promise<boolean> {
  const granted = canAsk() && (await Notification.requestPermission()) === "granted";
  preferences.set("alerts", granted ? "on" : "off");
  return granted;
}

async function tell(id: string, title: string): Promise<void> {
  const registration = await navigator.serviceWorker.getRegistration().catch(() => undefined);
  const t = words();
  // What the reply says stays in the conversation: others may see this screen.
  await registration
    ?.showNotification(title || t.sidebar.untitled, {
      body: t.alerts.ended,
      tag: id,
      icon: "/icons/192.png",
      lang: document.documentElement.lang,
      dir: "auto",
      data: `/c/${id}`,
    })
    .catch(() => {});
}

let asking = false;

/** The moment to offer it is when it would just have helped; and it is offered once. */
function askOnReturn(): void {
  if (asking) return;
  asking = true;
  const ask = () => {
    if (document.hidden) return;
    document.removeEventListener("visibilitychange", ask);
    asking = false;
    preferences.set("alerts", "off");
    const t = words().alerts;
    notify(
      t.offer,
      {
        label: t.accept,
        run: async () => notify((await turnOn()) ? t.on : t.forbidden),
      },
      { stays: true },
    );
  };
  document.addEventListener("visibilitychange", ask);
}
