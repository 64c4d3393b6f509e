import { useSyncExternalStore } from "react";
import { preferences, usePreference } from "~/preferences";
import { en } from "./en";
import { fr } from "./fr";
import { typeset } from "./typography";

export type Words = typeof en;
export type Locale = "en" | "fr";

const dictionaries: Record<Locale, Words> = { en, fr: typeset(fr) };

/** What the languages call themselves. */
export const languages: Record<Locale, string> = { en: "English", fr: "Français" };

function wanted(choice: Locale | null): Locale {
  return choice ?? (navigator.language.toLowerCase().startsWith("fr") ? "fr" : "en");
}

/** The language in use: the one chosen, else the browser's. */
export function useLocale(): Locale {
  return wanted(usePreference("locale"));
}

/** Everything the app says, in the language in use. */
export function useWords(): Words {
  return dictionaries[useLocale()];
}

/** The same, outside React. */
export function words(): Words {
  return dictionaries[wanted(preferences.get("locale"))];
}

/** The words of a part of the app that comes to the browser by itself: for components (`use`) and elsewhere (`now`). */
export function dictionary<T>(en: T, fr: T): { use: () => T; now: () => T } {
  const both: Record<Locale, T> = { en, fr: typeset(fr) };
  return {
    use: function useThese() {
      return both[useLocale()];
    },
    now: () => both[wanted(preferences.get("locale"))],
  };
}

/** A wait in words: "40 seconds", "3 minutes". */
export function inWords(seconds: number, say: Words): string {
  return seconds < 90 ? say.length.seconds(Math.ceil(seconds)) : say.length.minutes(Math.ceil(seconds / 60));
}

const minute = 60_000;
let now = Date.now();
const clockReaders = new Set<() => void>();
let clock: ReturnType<typeof setInterval> | undefined;

function readClock(notify: () => void): () => void {
  clockReaders.add(notify);
  clock ??= setInterval(() => {
    now = Date.now();
    for (const each of clockReaders) each();
  }, minute);
  return () => {
    clockReaders.delete(notify);
    if (clockReaders.size > 0) return;
    clearInterval(clock);
    clock = undefined;
  };
}

/** The current time, refreshed once a minute. */
export function useNow(): number {
  return useSyncExternalStore(readClock, () => now);
}
