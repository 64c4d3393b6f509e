import { describe, expect, it } from "vitest";
import type { Key } from "~/api/accounts";
import { bodyOf, changesOf, draftOf, wrongIn } from "./draft";

const key: Key = {
  id: "key_1",
  name: "Nightly",
  hint: "abcd",
  maker_id: "user_1",
  workspace_id: null,
  scopes: ["embeddings", "models"],
  limits: { rpm: 20, tpm: null, day_usd: "0.10", month_usd: null, total_usd: "25" },
  created_at: "2026-11-01T00:00:00Z",
  last_used_at: null,
  expires_at: "2027-01-01T00:00:00Z",
  revoked_at: null,
  imposed: [],
};
const now = Date.parse("2026-11-22T00:00:00Z");

describe("a key in its form", () => {
  it("comes out as it went in when nothing is changed", () => {
    const { name, scopes, limits, expires_at } = key;
    expect(bodyOf(draftOf(key), key, now)).toEqual({ name, scopes, limits, expires_at });
  });

  it("says what it changes, and nothing that may have changed elsewhere", () => {
    expect(changesOf(draftOf(key), key, now)).toEqual({});
    const draft = { ...draftOf(key), name: "Daily" };
    draft.limits = { ...draft.limits, rpm: "", month_usd: "5" };
    expect(changesOf(draft, key, now)).toEqual({ name: "Daily", limits: { rpm: null, month_usd: "5" } });
  });

  it("begins able to do everything, without an end or limits", () => {
    const body = bodyOf({ ...draftOf(null), name: " Bot " }, null, now);
    expect(body.name).toBe("Bot");
    expect(body.scopes).toEqual(["all"]);
    expect(body.expires_at).toBeNull();
    expect(Object.values(body.limits)).toEqual([null, null, null, null, null]);
  });

  it("ends so many days from now", () => {
    expect(bodyOf({ ...draftOf(null), end: "7" }, null, now).expires_at).toBe("2026-11-29T00:00:00.000Z");
  });

  it("keeps amounts of money as text, with a point whichever sign was typed", () => {
    const draft = draftOf(null);
    draft.limits.month_usd = "20,50";
    expect(bodyOf(draft, null, now).limits.month_usd).toBe("20.50");
  });
});

describe("what is wrong in a form", () => {
  it("is a missing name, and that nothing was chosen", () => {
    expect(wrongIn({ ...draftOf(null), scopes: new Set() })).toEqual({ name: "missing", scopes: "missing" });
  });

  it("is a count that is none and an amount that is none", () => {
    const draft = draftOf(key);
    draft.limits.rpm = "1.5";
    draft.limits.day_usd = "a lot";
    expect(wrongIn(draft)).toEqual({ rpm: "count", day_usd: "amount" });
  });
});
