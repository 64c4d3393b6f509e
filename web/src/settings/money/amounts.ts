import { type Locale, useLocale } from "~/i18n";

const NANO = 1e9;

// Of the two Englishes, the one that is read without thinking everywhere.
const spoken = (locale: Locale) => (locale === "en" ? "en-GB" : locale);

/** US dollars from billionths of one: to the cent, or as small as it takes to show that it is not nothing. */
export function dollars(nano: number, locale: Locale): string {
  const value = nano / NANO;
  const small = value !== 0 && Math.abs(value) < 0.01;
  return new Intl.NumberFormat(spoken(locale), {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    ...(small ? { maximumSignificantDigits: 2 } : {}),
  }).format(value);
}

/** An amount as the server writes it, in its currency: "$22.00", "22,00 €". */
export function price(amount: string, currency: string, locale: Locale): string {
  const decimals = amount.split(".")[1]?.length ?? 0;
  return new Intl.NumberFormat(spoken(locale), {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: Math.min(2, decimals),
    maximumFractionDigits: decimals,
  }).format(Number(amount));
}

/** A whole number, grouped. */
export function count(value: number, locale: Locale): string {
  return new Intl.NumberFormat(spoken(locale)).format(value);
}

/** A number for an axis or a label: "12k", "1.2M". */
export function compact(value: number, locale: Locale): string {
  return new Intl.NumberFormat(spoken(locale), { notation: "compact", maximumFractionDigits: 1 }).format(
    value,
  );
}

/** A number with a unit that people know: "1.2 kWh", "340 J". */
export function energy(microjoules: number, locale: Locale): string {
  const joules = microjoules / 1e6;
  const [value, unit] =
    joules >= 3.6e6
      ? [joules / 3.6e6, "kWh"]
      : joules >= 3.6e3
        ? [joules / 3.6e3, "Wh"]
        : ([joules, "J"] as const);
  return `${new Intl.NumberFormat(spoken(locale), { maximumSignificantDigits: 3 }).format(value)} ${unit}`;
}

/** Time from nanoseconds: "340 ms", "12.4 s", "3 min", "2.5 h". */
export function lasted(nanoseconds: number, locale: Locale): string {
  const seconds = nanoseconds / 1e9;
  const [value, unit] =
    seconds >= 3600
      ? [seconds / 3600, "h"]
      : seconds >= 120
        ? [seconds / 60, "min"]
        : seconds >= 1
          ? [seconds, "s"]
          : ([seconds * 1e3, "ms"] as const);
  return `${new Intl.NumberFormat(spoken(locale), { maximumSignificantDigits: 3 }).format(value)} ${unit}`;
}

/** A part of a whole: "12%". */
export function percent(part: number, locale: Locale): string {
  return new Intl.NumberFormat(spoken(locale), { style: "percent", maximumFractionDigits: 1 }).format(part);
}

/** A day and a time where the reader is: "22 Nov, 14:05". */
export function moment(instant: string, locale: Locale): string {
  return new Intl.DateTimeFormat(spoken(locale), {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  }).format(new Date(instant));
}

/** All of these in the reader's language. */
export function useAmounts() {
  const locale = useLocale();
  return {
    dollars: (nano: number) => dollars(nano, locale),
    price: (amount: string, currency: string) => price(amount, currency, locale),
    count: (value: number) => count(value, locale),
    compact: (value: number) => compact(value, locale),
    energy: (microjoules: number) => energy(microjoules, locale),
    lasted: (nanoseconds: number) => lasted(nanoseconds, locale),
    percent: (part: number) => percent(part, locale),
    moment: (instant: string) => moment(instant, locale),
  };
}

/** What somebody typed as dollars, as the server reads it: "20.5"; null for what is no amount above zero. */
export function typedDollars(text: string, most = 9): string | null {
  const plain = text
    .trim()
    .replace(/[\s$€]/g, "")
    .replace(",", ".");
  const found = /^-?(\d{1,9})(?:\.(\d+))?$/.exec(plain);
  if (!found || (found[2]?.length ?? 0) > most || Number(plain) === 0) return null;
  return plain;
}
