import { describe, expect, it } from "vitest";
import { gistOf, regressionOf, sourcesOf, stateOf, troubleOf } from "./lineage";

describe("what a model has learned from", () => {
  it("is named file by file, however the manifests are written, and once", () => {
    const sums = { file: "/data/sums.jsonl", sha256: "9f", licence: "CC0-1.0" };
    expect(
      sourcesOf([{ sources: [sums, { file: "more.jsonl", sha256: "aa" }], records: 5 }, sums, { kinds: {} }]),
    ).toEqual([
      { file: "sums.jsonl", licence: "CC0-1.0", sha256: "9f", records: null },
      { file: "more.jsonl", licence: null, sha256: "aa", records: null },
    ]);
  });

  it("is nothing where nothing is on record", () => {
    expect(sourcesOf([])).toEqual([]);
  });
});

it("a recipe is told by what says most", () => {
  expect(
    gistOf({
      stage: "sft",
      model: "default",
      adapter: null,
      training: { steps: 40, optimizer: { learning_rate: 1e-4 } },
    }),
  ).toBe("model default · steps 40 · learning_rate 0.0001");
  expect(gistOf({})).toBe("");
});

describe("how far a model is", () => {
  const report = { id: "gate_2", passed: true } as never;
  const artifact = { id: "art_1", reports: [report], approvals: [], releasable: false };
  const word = (kind: string, report_id: string) => ({ kind, report_id }) as never;

  it("follows the gate, then a person, then those who are served it", () => {
    expect(stateOf({ ...artifact, reports: [] }, [])).toBe("unmeasured");
    expect(stateOf(artifact, [])).toBe("passed");
    expect(stateOf({ ...artifact, reports: [{ id: "gate_2", passed: false } as never] }, [])).toBe("failed");
    expect(stateOf({ ...artifact, approvals: [word("signed", "gate_2")], releasable: true }, [])).toBe(
      "signed",
    );
    const canary = { artifact_id: "art_1", state: "canary" } as const;
    expect(stateOf(artifact, [canary])).toBe("canary");
    expect(stateOf(artifact, [canary, { artifact_id: "art_1", state: "released" }])).toBe("released");
    expect(stateOf(artifact, [{ artifact_id: "art_2", state: "released" }])).toBe("passed");
  });

  it("does not count a word on an earlier report", () => {
    expect(stateOf({ ...artifact, approvals: [word("signed", "gate_1")] }, [])).toBe("passed");
  });
});

it("what the server says against a canary is understood", () => {
  expect(regressionOf("12 of 40 requests failed, against 0 of 190 as before")).toEqual({
    kind: "failed",
    bad: "12",
    of: "40",
    badBefore: "0",
    ofBefore: "190",
  });
  expect(regressionOf("9 of 20 rated replies are disliked, against 1 of 30 as before")?.kind).toBe(
    "disliked",
  );
  expect(regressionOf("the first token takes 1.61 times as long, and may take 1.25 times")).toEqual({
    kind: "slower",
    times: "1.61",
    most: "1.25",
  });
  expect(regressionOf("something else")).toBeNull();
});

it("why a release cannot be served is known by the server's words", () => {
  expect(troubleOf("The weights /a b/model.gguf are gone. Put the file back, or register it again.")).toBe(
    "gone",
  );
  expect(troubleOf("The weights /a are not those that were measured: their SHA-256 is 1, not 2.")).toBe(
    "changed",
  );
  expect(troubleOf("Its engine does not start; the server's log says why.")).toBe("engine");
  expect(troubleOf("The disk is on fire.")).toBeNull();
});
