import type { Words } from "~/i18n";
import { inWords } from "~/i18n";
import { Problem } from "./client";

/** What went wrong, in the reader's words. */
export function explain(error: unknown, t: Words): string {
  if (!(error instanceof Problem)) return t.problem.unknown;
  switch (error.code) {
    case "network":
      return t.problem.network;
    case "rate_limited":
      return t.problem.rateLimited(error.retryAfter === null ? null : inWords(error.retryAfter, t));
    case "internal_error":
      return t.problem.unknown;
    default:
      if (error.status >= 500) return explainCode(error.code, t) ?? t.problem.unknown;
      return explainCode(error.code, t) ?? t.problem.refusal(error.status, error.code, error.message);
  }
}

const ofPlan = new Set([
  "rate_limit_exceeded",
  "insufficient_quota",
  "request_too_large_for_limit",
  "model_not_in_plan",
  "not_in_plan",
]);

/** Whether a refusal comes from what one's plan allows, so that the page about it helps. */
export function isOfPlan(code: string): boolean {
  return ofPlan.has(code);
}

/** What a failed reply's code means; null for codes without words of their own. */
export function explainCode(code: string, t: Words): string | null {
  switch (code) {
    case "unavailable":
    case "engine_down":
    case "engine_lost":
    case "engine_starting":
    case "engine_refused":
    case "engine_protocol":
      return t.problem.unavailable;
    case "context_length_exceeded":
      return t.problem.contextLength;
    case "rate_limited":
    case "engine_overloaded":
    case "busy":
      return t.problem.busy;
    case "conflict":
    case "still_writing":
      return t.problem.conflict;
    case "rate_limit_exceeded":
      return t.problem.limitReached;
    case "insufficient_quota":
      return t.problem.quotaReached;
    case "request_too_large_for_limit":
      return t.problem.tooLargeForPlan;
    case "model_not_in_plan":
    case "not_in_plan":
      return t.problem.notInPlan;
    case "model_not_found":
      return t.problem.modelGone;
    case "assistant_gone":
      return t.problem.assistantGone;
    case "body_too_large":
      return t.problem.tooLong;
    default:
      return null;
  }
}
