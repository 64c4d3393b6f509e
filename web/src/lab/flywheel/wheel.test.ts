import { describe, expect, it } from "vitest";
import type { Turn } from "~/api/lab";
import { countsOf, pieces, placeOf, presentOf, reached, reasonOf } from "./wheel";

const begun: Turn = {
  id: "turn_1",
  state: "curating",
  model: "default",
  least: 50,
  unseen: false,
  begun_by: "ada@example.org",
  thumbs: 0,
  pairs: 0,
  runs: {},
  artifact_id: null,
  release_id: null,
  reason: "",
  failed_in: null,
  created_at: "2026-11-30T10:00:00Z",
  updated_at: "2026-11-30T10:00:00Z",
};

describe("a turn", () => {
  it("is looked at while it is under way, and when it failed last", () => {
    const [stopped, failed] = [
      { ...begun, state: "stopped" },
      { ...begun, state: "failed" },
    ] as const;
    expect(presentOf([])).toBeNull();
    expect(presentOf([begun, stopped])).toBe(begun);
    expect(presentOf([failed])).toBe(failed);
    expect(presentOf([stopped, failed])).toBeNull();
  });

  it("has come as far as what it made says", () => {
    expect(reached({ ...begun, state: "gating" })).toBe("gating");
    expect(reached({ ...begun, state: "failed", failed_in: "training" })).toBe("training");
    expect(reached({ ...begun, state: "failed" })).toBe("curating");
    expect(reached({ ...begun, state: "failed", artifact_id: "art_1" })).toBe("signing");
    expect(reached({ ...begun, state: "stopped", thumbs: 3 })).toBe("preparing");
    expect(reached({ ...begun, state: "stopped", artifact_id: "art_1" })).toBe("gating");
    expect(reached({ ...begun, state: "rolled_back", artifact_id: "art_1", release_id: "rel_1" })).toBe(
      "canary",
    );
  });

  it("is looked at where its steps are", () => {
    const turn: Turn = { ...begun, runs: { preparing: "turn_1-preparing" }, artifact_id: "art_1" };
    expect(placeOf(turn, "preparing")).toEqual({ page: "runs", item: "turn_1-preparing" });
    expect(placeOf(turn, "signing")).toEqual({ page: "models", item: "art_1" });
    expect(placeOf(turn, "canary")).toBeNull();
    expect(placeOf(turn, "curating")).toBeNull();
  });

  it("says why it ended", () => {
    expect(reasonOf("ada@example.org stopped it.")).toEqual({ kind: "stopped", by: "ada@example.org" });
    expect(reasonOf("There are 3 examples, and 50 are needed.")).toEqual({ kind: "few", had: 3, least: 50 });
    expect(reasonOf("The disk is full.")).toBeNull();
  });
});

describe("examples", () => {
  it("are counted by verdict and kind", () => {
    const counts = [
      { verdict: "kept", kind: "pair", count: 2 },
      { verdict: "pending", kind: "thumb", count: 5 },
      { verdict: "kept", kind: "thumb", count: 1 },
    ] as const;
    expect(countsOf([...counts], "kept")).toEqual({ thumbs: 1, pairs: 2, all: 3 });
    expect(countsOf([...counts], "left_out")).toEqual({ thumbs: 0, pairs: 0, all: 0 });
  });

  it("show what was taken out of them", () => {
    expect(pieces("Ask [email] or [you].")).toEqual([
      { text: "Ask ", out: false },
      { text: "[email]", out: true },
      { text: " or [you].", out: false },
    ]);
  });
});
