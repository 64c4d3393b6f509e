import { expect, it } from "vitest";
import type { ListedFile } from "~/files/calls";
import type { KnowledgeDocument } from "./calls";
import { type Kept, stateOf, underWay } from "./kept";

function kept(file: Partial<ListedFile>, document?: Partial<KnowledgeDocument>): Kept {
  return {
    file: { kind: "markdown", status: "ready", error_code: null, error_message: null, ...file } as ListedFile,
    document: document
      ? ({
          embedded: 0,
          passages: 40,
          error_code: null,
          error_message: null,
          ...document,
        } as KnowledgeDocument)
      : null,
  };
}

it.each([
  ["uploaded a moment ago", kept({ status: "waiting" }), { is: "waiting" }, true],
  [
    "cut into passages",
    kept({ status: "waiting" }, { status: "reading", embedded: 16 }),
    { is: "reading", done: 16, of: 40 },
    true,
  ],
  ["searched", kept({}, { status: "ready", embedded: 40 }), { is: "ready", passages: 40 }, false],
  [
    "not readable",
    kept({ status: "failed", error_code: "unreadable", error_message: "No." }),
    { is: "failed", code: "unreadable", message: "No.", found: false },
    false,
  ],
  [
    "found by its words alone",
    kept({}, { status: "failed", error_code: "engine_refused", error_message: "No." }),
    { is: "failed", code: "engine_refused", message: "No.", found: true },
    false,
  ],
  ["being read once more", kept({ status: "waiting", error_code: null }), { is: "waiting" }, true],
  ["a picture", kept({ kind: "image", status: "waiting" }), { is: "kept" }, false],
  ["what nobody can read", kept({ kind: "other" }), { is: "kept" }, false],
])("tells of a file that is %s", (_, file, state, busy) => {
  expect(stateOf(file)).toEqual(state);
  expect(underWay(file)).toBe(busy);
});
