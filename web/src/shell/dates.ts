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
  // Asked for once a group: a format is slow to make, and there are thousands of conversations.
  const labelOf = (key: string, date: Date): string => {
    if (key === "today") return t.time.today;
    if (key === "yesterday") return t.time.yesterday;
    if (key === "week") return t.time.lastWeek;
    const month = new Intl.DateTimeFormat(locale, {
      month: "long",
      ...(date.getFullYear() === today.getFullYear() ? {} : { year: "numeric" }),
    }).format(date);
    return month.charAt(0).toLocaleUpperCase(locale) + month.slice(1);
  };
  const groups = new Map<string, Group>();
  for (const conversation of conversations) {
    const date = new Date(conversation.updated_at);
    const days = daysBetween(date, today);
    const key =
      days <= 0
        ? "today"
        : days === 1
          ? "yesterday"
          : days <= 7
            ? "week"
            : `${date.getFullYear()}-${date.getMonth()}`;
    const group = groups.get(key);
    if (group) group.items.push(conversation);
    else groups.set(key, { key, label: labelOf(key, date), items: [conversation] });
  }
  return [...groups.values()];
}
