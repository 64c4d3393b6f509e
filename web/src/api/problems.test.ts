import { afterEach, expect, test } from "vitest";
import { words } from "~/i18n";
import { preferences } from "~/preferences";
import { Problem } from "./client";
import { explain } from "./problems";

afterEach(() => preferences.set("locale", null));

test("what the server refuses is said in the reader's language", () => {
  const refusal = new Problem(
    403,
    "owners_only",
    "Only those who run this house may see this. Ask one of them.",
  );
  preferences.set("locale", "en");
  expect(explain(refusal, words())).toBe(refusal.message);
  preferences.set("locale", "fr");
  expect(explain(refusal, words())).toMatch(/propriétaires/);
  // Whatever comes that nobody wrote words for.
  for (const status of [400, 401, 403, 404, 409, 413, 415, 422, 429])
    expect(explain(new Problem(status, "new_code", "In English."), words())).not.toMatch(/English/);
});
