import { describe, expect, it } from "vitest";
import type { Conversation } from "~/api/types";
import { en } from "~/i18n/en";
import { fr } from "~/i18n/fr";
import { byDate } from "./dates";

const now = new Date(2026, 2, 30, 9, 0).getTime();

function at(...date: [number, number, number, number, number]): Conversation {
  return { id: date.join("-"), updated_at: new Date(...date).toISOString() } as Conversation;
}

const conversations = [
  at(2026, 2, 30, 0, 1),
  at(2026, 2, 29, 23, 59),
  at(2026, 2, 23, 12, 0),
  at(2026, 2, 22, 12, 0),
  at(2026, 1, 1, 12, 0),
  at(2025, 11, 31, 12, 0),
];

describe("conversations by date", () => {
  it("are grouped by the reader's calendar days, then months", () => {
    expect(byDate(conversations, now, "en", en).map(({ label }) => label)).toEqual([
      "Today",
      "Yesterday",
      "Last 7 days",
      "March",
      "February",
      "December 2025",
    ]);
  });

  it("have French names in French", () => {
    expect(byDate(conversations, now, "fr", fr).map(({ label }) => label)).toEqual([
      "Aujourd’hui",
      "Hier",
      "7 derniers jours",
      "Mars",
      "Février",
      "Décembre 2025",
    ]);
  });

  it("stay under today when a clock runs ahead", () => {
    expect(byDate([at(2026, 3, 2, 1, 0)], now, "en", en)[0]?.key).toBe("today");
  });
});
