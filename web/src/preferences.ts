import { useSyncExternalStore } from "react";
import type { User } from "~/api/types";

/** What this browser remembers of how its reader likes things. `null` means "not chosen". */
export interface Preferences {
  theme: "light" | "dark" | null;
  locale: "en" | "fr" | null;
  reading: "serif" | null;
  sidebar: "closed" | null;
  model: string | null;
  /** The workspace that one acts for; null for oneself. */
  workspace: string | null;
  /** Whether the last conversations are kept on this device; they are unless one chose otherwise. */
  offline: "off" | null;
  /** Whether to be told of long replies that end out of sight. */
  alerts: "on" | "off" | null;
}

const prefix = "causette.";
const listeners = new Set<() => void>();

function get<K extends keyof Preferences>(name: K): Preferences[K] {
  return localStorage.getItem(prefix + name) as Preferences[K];
}

function set<K extends keyof Preferences>(name: K, value: Preferences[K]): void {
  if (value === null) localStorage.removeItem(prefix + name);
  else localStorage.setItem(prefix + name, value);
  announce();
}

function announce(): void {
  const root = document.documentElement;
  const theme = get("theme");
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  if (get("reading")) root.dataset.reading = "serif";
  else delete root.dataset.reading;
  root.lang = get("locale") ?? (navigator.language.toLowerCase().startsWith("fr") ? "fr" : "en");
  for (const listener of listeners) listener();
}

window.addEventListener("storage", (event) => {
  if (event.key?.startsWith(prefix)) announce();
});

export const preferences = { get, set };

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** One preference, kept current across tabs. */
export function usePreference<K extends keyof Preferences>(name: K): Preferences[K] {
  return useSyncExternalStore(subscribe, () => get(name));
}

/** Takes over what the account remembers from elsewhere: on arriving, not while choices are being made here. */
export function adopt(user: User): void {
  set("theme", user.theme === "system" ? null : user.theme);
  if (user.locale) set("locale", user.locale);
}
