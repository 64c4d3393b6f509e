import { call, id } from "./client";
import { asked, type Group, type Invoice, type Subscription, type Usage, type UsageQuery } from "./money";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Person = Schemas["PersonInList"];
export type Shared = Schemas["SharedOut"];
export type Account = Schemas["AccountOut"];
export type Budget = Schemas["BudgetOut"];
export type Catalogue = Schemas["CatalogueOut"];
export type HeldKey = Schemas["HeldKeyOut"];
export type Machine = Schemas["MachineOut"];
export type RequestAccount = Schemas["RequestAccountOut"];
export type AuditEntry = Schemas["AuditEntryOut"];
export type Assignment = Schemas["AssignBody"];
export type NewBudget = Schemas["BudgetBody"];

export interface Pages<T> {
  items: T[];
  next: string | null;
}

const account = (of: string) => `/api/admin/accounts/${id(of)}`;

/** Calls for those who run the house. All reject with a `Problem`. */
export const admin = {
  people: (q: string, after: string | null) =>
    call<Pages<Person>>("GET", `/api/admin/people${asked({ q, after })}`),
  changePerson: (user: string, change: { role?: Person["role"]; disabled?: boolean }) =>
    call<Account>("PATCH", `/api/admin/people/${id(user)}`, change),
  signOut: (user: string) => call<void>("DELETE", `/api/admin/people/${id(user)}/sessions`),
  workspaces: (q: string, after: string | null) =>
    call<Pages<Shared>>("GET", `/api/admin/workspaces${asked({ q, after })}`),
  account: (of: string) => call<Account>("GET", account(of)),
  assign: (of: string, plan: Partial<Assignment> & { plan_id: string }) =>
    call<Subscription>("PUT", `${account(of)}/plan`, plan),
  endPlan: (of: string) => call<Subscription>("DELETE", `${account(of)}/plan?at_once=true`),
  setBudget: (of: string, budget: Pick<NewBudget, "meter" | "window" | "amount">) =>
    call<void>("PUT", `${account(of)}/budgets`, budget),
  liftBudget: (of: string, { meter, window, workspace_id }: Budget) =>
    call<void>("DELETE", `${account(of)}/budgets${asked({ meter, window, workspace_id })}`),
  grant: (of: string, grant: { usd: string; memo: string; reference: string }) =>
    call<{ credit_nano: number }>("POST", `${account(of)}/credit`, grant),
  endInvoice: (invoice: string, status: "paid" | "void") =>
    call<Invoice>("PATCH", `/api/admin/invoices/${id(invoice)}`, { status }),
  plans: () => call<Catalogue>("GET", "/api/admin/plans"),
  keys: (q: string, before: string | null) =>
    call<Pages<HeldKey>>("GET", `/api/admin/keys${asked({ q, before })}`),
  revokeKey: (key: string) => call<void>("DELETE", `/api/admin/keys/${id(key)}`),
  usage: (query: UsageQuery & { group_by: Group }) => call<Usage>("GET", `/api/admin/usage${asked(query)}`),
  machines: (from: string) => call<{ items: Machine[] }>("GET", `/api/admin/machines${asked({ from })}`),
  request: (request: string) => call<RequestAccount>("GET", `/api/admin/requests/${id(request)}`),
  correct: (request: string, correction: { usd: string; memo: string; reference: string }) =>
    call<RequestAccount>("POST", `/api/admin/requests/${id(request)}/corrections`, correction),
  audit: (before: string | null) => call<Pages<AuditEntry>>("GET", `/api/admin/audit${asked({ before })}`),
};
