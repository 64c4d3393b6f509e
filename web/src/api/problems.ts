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
      return explainCode(error.code, t) ?? (error.status >= 500 ? t.problem.unknown : error.message);
  }
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
    case "model_not_found":
      return t.problem.modelGone;
    case "body_too_large":
      return t.problem.tooLong;
    default:
      return null;
  }
}
