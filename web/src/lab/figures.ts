import { type Locale, useLocale } from "~/i18n";
import { count, dollars, lasted, percent } from "~/settings/money/amounts";

const spoken = (locale: Locale) => (locale === "en" ? "en-GB" : locale);

// What is a share of one, and is read as one.
const shares = /^(mfu|solved|.*accuracy|.*score|reward)$/;
const whole = /^(steps|vocabulary_size|dropped|tokens|learned_tokens|records|held_out_records)$/;

/** A figure as people read it: as many places as say something. */
export function figure(name: string, value: number, locale: Locale): string {
  if (name === "seconds") return lasted(value * 1e9, locale);
  if (name === "bytes") return size(value, locale);
  if (whole.test(name)) return count(Math.round(value), locale);
  if (shares.test(name) && Math.abs(value) <= 1) return percent(value, locale);
  return plain(value, locale);
}

/** What came out of an evaluation: a share of the problems, or what was measured of texts or of speed. */
export function score(name: string, value: number, locale: Locale): string {
  if (/^(ttft|tpot)$/.test(name)) return lasted(value * 1e9, locale);
  return /(_bits_per_byte|_perplexity|^tokens_a_second)$/.test(name)
    ? plain(value, locale)
    : percent(value, locale);
}

/** How likely something is by chance, with two figures that count. */
export function chance(p: number, locale: Locale): string {
  return new Intl.NumberFormat(spoken(locale), {
    maximumSignificantDigits: 2,
    notation: p < 1e-4 ? "scientific" : "standard",
  }).format(p);
}

/** A number with four figures that count. */
export function plain(value: number, locale: Locale): string {
  const tiny = value !== 0 && Math.abs(value) < 1e-3;
  return new Intl.NumberFormat(spoken(locale), {
    maximumSignificantDigits: tiny ? 2 : 4,
    notation:
      tiny || Math.abs(value) >= 1e12 ? "scientific" : Math.abs(value) >= 1e6 ? "compact" : "standard",
  }).format(value);
}

/** Bytes in the unit that people know: "145 MB". */
export function size(bytes: number, locale: Locale): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  const power = Math.min(3, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return new Intl.NumberFormat(spoken(locale), {
    style: "unit",
    unit: units[power] ?? "byte",
    maximumSignificantDigits: 3,
  }).format(bytes / 1000 ** power);
}

/** What the gate measured, in the unit that it says. */
export function measured(value: number, unit: string, locale: Locale): string {
  if (/^(share|score)\b/.test(unit)) return percent(value, locale);
  if (unit === "seconds") return lasted(value * 1e9, locale);
  if (unit === "US dollars") return dollars(value * 1e9, locale);
  if (unit === "bytes") return size(value, locale);
  return `${plain(value, locale)}${unit ? ` ${units[locale][unit] ?? unit}` : ""}`;
}

const units: Record<Locale, Record<string, string>> = {
  en: { "tokens a second": "tokens/s" },
  fr: { "tokens a second": "jetons/s" },
};

/** A change of bits per byte with its sign: "-0.0412". */
export function bits(change: number, locale: Locale): string {
  return new Intl.NumberFormat(spoken(locale), {
    minimumFractionDigits: 4,
    maximumFractionDigits: 4,
    signDisplay: "exceptZero",
  }).format(change);
}

/** A change with its sign, in points of a hundred: "+4.3". */
export function points(part: number, locale: Locale): string {
  return new Intl.NumberFormat(spoken(locale), {
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
    signDisplay: "exceptZero",
  }).format(part * 100);
}

/** All of these in the reader's language. */
export function useFigures() {
  const locale = useLocale();
  return {
    figure: (name: string, value: number) => figure(name, value, locale),
    score: (name: string, value: number) => score(name, value, locale),
    chance: (p: number) => chance(p, locale),
    plain: (value: number) => plain(value, locale),
    size: (bytes: number) => size(bytes, locale),
    measured: (value: number, unit: string) => measured(value, unit, locale),
    points: (part: number) => points(part, locale),
    bits: (change: number) => bits(change, locale),
  };
}
