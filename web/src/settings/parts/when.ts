import { type Locale, useLocale, useNow } from "~/i18n";

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** How long ago something was: "3 hours ago", "yesterday"; less than a minute is "now". */
export function ago(instant: string, now: number, locale: Locale): string {
  const seconds = Math.max(0, (now - new Date(instant).getTime()) / 1000);
  const words = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const [unit, length] =
    steps.find(([, each]) => seconds >= each) ?? (["second", Number.POSITIVE_INFINITY] as const);
  return words.format(-Math.floor(seconds / length), unit);
}

/** The day of an instant, where the reader is: "22 November 2026". */
export function day(instant: string, locale: Locale): string {
  // Of the two Englishes, the one that is read without thinking everywhere.
  const spoken = locale === "en" ? "en-GB" : locale;
  return new Intl.DateTimeFormat(spoken, { dateStyle: "long" }).format(new Date(instant));
}

/** Instants in the reader's words, kept current. */
export function useWhen(): { ago: (instant: string) => string; day: (instant: string) => string } {
  const now = useNow();
  const locale = useLocale();
  return { ago: (instant) => ago(instant, now, locale), day: (instant) => day(instant, locale) };
}
