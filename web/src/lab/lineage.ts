import type { Artifact, Lineage, Release } from "~/api/lab";

/** A file that a model has learned from. */
export interface DataSource {
  file: string;
  licence: string | null;
  sha256: string | null;
  records: number | null;
}

/** What a model has learned from: manifests name files, themselves or below `sources`. */
export function sourcesOf(data: Lineage["data"]): DataSource[] {
  const found: DataSource[] = [];
  for (const manifest of data) {
    const sources = Array.isArray(manifest.sources) ? (manifest.sources as unknown[]) : [manifest];
    for (const source of sources) {
      if (typeof source !== "object" || source === null) continue;
      const known = source as Record<string, unknown>;
      const file = known.file ?? known.path ?? known.name;
      if (typeof file !== "string") continue;
      found.push({
        file: file.split("/").at(-1) || file,
        licence: typeof known.licence === "string" ? known.licence : null,
        sha256: typeof known.sha256 === "string" ? known.sha256 : null,
        records: typeof known.records === "number" ? known.records : null,
      });
    }
  }
  return found.filter(
    (source, place) =>
      found.findIndex(({ file, sha256 }) => file === source.file && sha256 === source.sha256) === place,
  );
}

/** What a stage was told that says most, in its own words. */
export function gistOf(recipe: Record<string, unknown>): string {
  const training = recipe.training as Record<string, unknown> | undefined;
  const optimizer = training?.optimizer as Record<string, unknown> | undefined;
  const known: [string, unknown][] = [
    ["model", recipe.model],
    ["data", recipe.data],
    ["task", recipe.task],
    ["steps", training?.steps],
    ["batch", training?.batch],
    ["learning_rate", optimizer?.learning_rate],
    ["quantisation", recipe.quantisation],
  ];
  return known
    .filter(([, value]) => typeof value === "string" || typeof value === "number")
    .map(([name, value]) => `${name} ${value}`)
    .join(" · ");
}

export type ModelState = "released" | "canary" | "signed" | "overridden" | "passed" | "failed" | "unmeasured";

/** How far a model is on its way to those who are served it. */
export function stateOf(
  { id, reports, approvals, releasable }: Pick<Artifact, "id" | "reports" | "approvals" | "releasable">,
  releases: readonly Pick<Release, "artifact_id" | "state">[],
): ModelState {
  const states = releases.filter(({ artifact_id }) => artifact_id === id).map(({ state }) => state);
  if (states.includes("released")) return "released";
  if (states.includes("canary")) return "canary";
  const report = reports[0];
  if (!report) return "unmeasured";
  const word = releasable && approvals.find(({ report_id }) => report_id === report.id);
  if (word) return word.kind;
  return report.passed ? "passed" : "failed";
}

/** What a canary does worse by, as the server says it, taken apart; null where it is said in another way. */
export function regressionOf(
  said: string,
):
  | { kind: "failed" | "disliked"; bad: string; of: string; badBefore: string; ofBefore: string }
  | { kind: "slower"; times: string; most: string }
  | null {
  const uneven =
    /^(\d+) of (\d+) (requests failed|rated replies are disliked), against (\d+) of (\d+) as before$/.exec(
      said,
    );
  if (uneven) {
    const [, bad = "", of = "", what, badBefore = "", ofBefore = ""] = uneven;
    return { kind: what === "requests failed" ? "failed" : "disliked", bad, of, badBefore, ofBefore };
  }
  const slower = /^the first token takes ([\d.]+) times as long, and may take ([\d.]+) times$/.exec(said);
  return slower ? { kind: "slower", times: slower[1] ?? "", most: slower[2] ?? "" } : null;
}

/** Why a release cannot be served, as the server says it; null where it is said in another way. */
export function troubleOf(said: string): "gone" | "changed" | "engine" | null {
  if (/^The weights .+ are gone\./.test(said)) return "gone";
  if (/^The weights .+ are not those that were measured/.test(said)) return "changed";
  return said.startsWith("Its engine ") ? "engine" : null;
}
