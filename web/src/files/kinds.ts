import {
  FileCode,
  FileImage,
  FileSpreadsheet,
  FileText,
  type LucideIcon,
  File as Other,
  Presentation,
} from "lucide-react";
import { type Locale, useLocale } from "~/i18n";

const icons: Record<string, LucideIcon> = {
  image: FileImage,
  pdf: FileText,
  document: FileText,
  markdown: FileText,
  text: FileText,
  web: FileCode,
  code: FileCode,
  sheet: FileSpreadsheet,
  table: FileSpreadsheet,
  slides: Presentation,
};

export const iconOf = (kind: string | undefined): LucideIcon => icons[kind ?? ""] ?? Other;

const steps = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

/** A number of bytes as people say it: "2.1 MB", "2,1 Mo". */
export function sizeOf(bytes: number, locale: Locale): string {
  let value = bytes;
  let step = 0;
  while (value >= 1000 && step < steps.length - 1) {
    value /= 1000;
    step += 1;
  }
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: steps[step] ?? "byte",
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: value < 10 && step > 1 ? 1 : 0,
  }).format(value);
}

export function useSize(): (bytes: number) => string {
  const locale = useLocale();
  return (bytes) => sizeOf(bytes, locale);
}

/** What comes after the last dot: "PDF". */
export function endingOf(name: string): string {
  const at = name.lastIndexOf(".");
  return at > 0 && name.length - at <= 6 ? name.slice(at + 1).toUpperCase() : "";
}
