import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import type { Words } from "~/i18n";
import type { FileWords } from "./words";

/** Why a file was not uploaded, in few words. */
export function whyNot(problem: unknown, t: FileWords, all: Words): string {
  if (!(problem instanceof Problem)) return t.failed;
  switch (problem.code) {
    case "file_too_large":
    case "body_too_large":
      return t.tooLarge;
    case "files_full":
      return t.full;
    case "storage_full":
      return t.storageFull;
    case "file_empty":
      return t.empty;
    case "not_in_plan":
      return t.notInPlan;
    default:
      return explain(problem, all);
  }
}
