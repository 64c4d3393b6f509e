import type { Key, KeyLimits, Scope } from "~/api/accounts";

/** The scopes that can be chosen one by one; "all" is the choice of not choosing. */
export const SCOPES = [
  "inference",
  "embeddings",
  "models",
  "fine_tuning",
] as const satisfies readonly Scope[];
export const LIMITS = [
  "rpm",
  "tpm",
  "day_usd",
  "month_usd",
  "total_usd",
] as const satisfies readonly (keyof KeyLimits)[];
export const DAYS = [7, 30, 90, 365] as const;

/** When a key is to end: never, when it does now, or so many days from today. */
export type End = "never" | "keep" | `${(typeof DAYS)[number]}`;

/** A key as it stands in the form: everything as it was typed. */
export interface Draft {
  name: string;
  scopes: ReadonlySet<Scope>;
  end: End;
  limits: Record<(typeof LIMITS)[number], string>;
}

export function draftOf(key: Key | null): Draft {
  const limits = {} as Draft["limits"];
  for (const limit of LIMITS) limits[limit] = key?.limits[limit]?.toString() ?? "";
  return {
    name: key?.name ?? "",
    scopes: new Set(key?.scopes ?? ["all"]),
    end: key?.expires_at ? "keep" : "never",
    limits,
  };
}

export type Wrong = Partial<
  Record<"name" | "scopes" | (typeof LIMITS)[number], "missing" | "count" | "amount">
>;

/** What has to be put right before it can be sent. */
export function wrongIn({ name, scopes, limits }: Draft): Wrong {
  const wrong: Wrong = {};
  if (!name.trim()) wrong.name = "missing";
  if (scopes.size === 0) wrong.scopes = "missing";
  for (const limit of LIMITS) {
    const typed = limits[limit].trim();
    if (!typed) continue;
    if (limit.endsWith("_usd")) {
      if (!/^\d{1,9}(?:[.,]\d{1,9})?$/.test(typed)) wrong[limit] = "amount";
    } else if (!/^\d{1,15}$/.test(typed)) wrong[limit] = "count";
  }
  return wrong;
}

/** What a draft changes of a key, and nothing else: the rest may have changed elsewhere meanwhile. */
export function changesOf(draft: Draft, present: Key, now: number) {
  const [after, before] = [bodyOf(draft, present, now), bodyOf(draftOf(present), present, now)];
  const differing = <T extends object>(a: T, b: T): Partial<T> =>
    Object.fromEntries(
      Object.entries(a).filter(([name, value]) => !same(value, b[name as keyof T])),
    ) as Partial<T>;
  const { limits: limitsAfter, ...restAfter } = after;
  const { limits: limitsBefore, ...restBefore } = before;
  const limits = differing(limitsAfter, limitsBefore);
  return { ...differing(restAfter, restBefore), ...(Object.keys(limits).length > 0 ? { limits } : {}) };
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** The draft as the server takes it. Amounts stay text all the way: no figure of money goes through a float. */
export function bodyOf(draft: Draft, present: Key | null, now: number) {
  const amount = (typed: string) => typed.trim().replace(",", ".") || null;
  const count = (typed: string) => (typed.trim() ? Number(typed) : null);
  const { rpm, tpm, day_usd, month_usd, total_usd } = draft.limits;
  const end =
    draft.end === "never"
      ? null
      : draft.end === "keep"
        ? (present?.expires_at ?? null)
        : new Date(now + Number(draft.end) * 86_400_000).toISOString();
  return {
    name: draft.name.trim(),
    scopes: [...draft.scopes],
    limits: {
      rpm: count(rpm),
      tpm: count(tpm),
      day_usd: amount(day_usd),
      month_usd: amount(month_usd),
      total_usd: amount(total_usd),
    },
    expires_at: end,
  };
}
