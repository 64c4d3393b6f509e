import { call, id } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Plan = Schemas["PlanOut"];
export type PlanCatalogue = Schemas["PlanCatalogue"];
export type PlanInForce = Schemas["PlanInForce"];
export type Subscription = Schemas["SubscriptionOut"];
export type Preview = Schemas["PreviewOut"];
export type Invoice = Schemas["InvoiceOut"];
export type UsageRow = Schemas["UsageRowOut"] & Partial<Schemas["CostlyUsageRowOut"]>;
export type Usage = Omit<Schemas["UsageOut"], "items"> & { items: UsageRow[] };
export type Limit = Schemas["LimitOut"];
export type MeteredRequest = Schemas["RequestOut"];
export type RequestList = Schemas["RequestList"];
export type Bucket = "hour" | "day" | "month";
export type Group = "model" | "key" | "user" | "plan" | "workspace";

/** What usage is asked for. */
export interface UsageQuery {
  from: string;
  bucket?: Bucket;
  group_by?: Group;
}

/** A query string of what is known; the rest is left out. */
export function asked(words: object): string {
  const known = Object.entries(words).filter(([, value]) => value !== undefined && value !== null);
  return known.length === 0
    ? ""
    : `?${new URLSearchParams(known.map(([name, value]) => [name, String(value)]))}`;
}

/** Calls about plans, what they cost, and what was used. All reject with a `Problem`. */
export const money = {
  plans: () => call<PlanCatalogue>("GET", "/api/plans"),
  preview: (plan: string, seats?: number) =>
    call<Preview>("GET", `/api/subscription/preview${asked({ plan_id: plan, seats })}`),
  subscribe: (plan: string) => call<Subscription>("POST", "/api/subscription", { plan_id: plan }),
  change: (plan: string, seats?: number) =>
    call<Subscription>("PATCH", "/api/subscription", { plan_id: plan, ...(seats ? { seats } : {}) }),
  cancel: () => call<Subscription>("DELETE", "/api/subscription"),
  resume: () => call<Subscription>("PATCH", "/api/subscription", { cancel_at_period_end: false }),
  checkOut: (plan: string, seats?: number) =>
    call<{ url: string }>("POST", "/api/subscription/checkout", {
      plan_id: plan,
      ...(seats ? { seats } : {}),
    }),
  portal: () => call<{ url: string }>("POST", "/api/subscription/portal"),
  credit: () => call<{ usd: string; nano: number }>("GET", "/api/credit"),
  buyCredit: (usd: string) => call<{ url: string }>("POST", "/api/credit/checkout", { usd }),
  invoices: () => call<{ items: Invoice[] }>("GET", "/api/invoices"),
  invoice: (invoice: string) => call<Invoice>("GET", `/api/invoices/${id(invoice)}`),
  usage: (query: UsageQuery) => call<Usage>("GET", `/api/usage${asked(query)}`),
  limits: () => call<{ items: Limit[] }>("GET", "/api/usage/limits"),
  requests: (before: string | null) =>
    call<RequestList>("GET", `/api/usage/requests${asked({ limit: 20, before })}`),
};
