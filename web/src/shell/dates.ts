import type { Conversation } from "~/api/types";
import type { Locale, Words } from "~/i18n";

export interface Group {
  key: string;
  label: string;
  items: Conversation[];
}

/** Days are the reader's calendar days, whatever their length. */
function daysBetween(earlier: Date, later: Date): number {
  const day = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000;
  return day(later) - day(earlier);
}

/** Conversations by the day of their last activity: today, yesterday, the last seven days, then months. */
export function byDate(
  conversations: readonly Conversation[],
  now: number,
  locale: Locale,
  t: Words,
): Group[] {
  const today = new Date(now);
  const groups = new Map<string, Group>();
  for (const conversation of conversations) {
    const date = new Date(conversation.updated_at);
    const days = daysBetween(date, today);
    let key: string;
    let label: string;
    if (days <= 0) [key, label] = ["today", t.time.today];
    else if (days === 1) [key, label] = ["yesterday", t.time.yesterday];
    else if (days <= 7) [key, label] = ["week", t.time.lastWeek];
    else {
      key = `${date.getFullYear()}-${date.getMonth()}`;
      const month = new Intl.DateTimeFormat(locale, {
        month: "long",
        ...(date.getFullYear() === today.getFullYear() ? {} : { year: "numeric" }),
      }).format(date);
      label = month.charAt(0).toLocaleUpperCase(locale) + month.slice(1);
    }
    const group = groups.get(key);
    if (group) group.items.push(conversation);
    else groups.set(key, { key, label, items: [conversation] });
  }
  return [...groups.values()];
}
