import type { AuditEntry, Pages } from "./admin";
import { call, id } from "./client";
import { asked } from "./money";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type LabRun = Schemas["LabRunOut"];
export type LabRunDetails = Schemas["LabRunDetails"];
export type Curve = Schemas["CurveOut"];
export type LabEvents = Schemas["EventsOut"];
export type Stages = Schemas["LabStages"];
export type Named = Schemas["NamedOut"];
export type LabReply = Schemas["ReplyOut"];
export type Replies = Schemas["ReplyPage"];
export type Pair = Schemas["PairOut"];
export type PairPage = Schemas["PairPage"];
export type Comparison = Schemas["ComparisonOut"];
export type Artifact = Schemas["ArtifactOut"];
export type Lineage = Schemas["LineageOut"];
export type GateReport = Schemas["GateReportOut"];
export type Check = Schemas["CheckOut"];
/** The server says all of its bounds. */
export type Release = Schemas["ReleaseOut"] & { bounds: Required<Schemas["BoundsBody"]> };
export type Arm = Schemas["ArmOut"];
export type Bounds = Release["bounds"];
export type Flywheel = Schemas["FlywheelOut"];
export type Turn = Schemas["FlywheelTurnOut"];
export type Example = Schemas["FlywheelExampleOut"];
export type ExamplePage = Schemas["FlywheelExamplePage"];
export type Verdict = Example["verdict"];
export type TurnSettings = Required<Omit<Schemas["TurnBody"], "bounds">> & { bounds: Bounds };
/** The texts of an example: of each message of its prompt, and of the replies that it has. */
export type ExampleTexts = Schemas["RewriteBody"];

const run = (name: string) => `/api/admin/lab/runs/${id(name)}`;
const artifact = (name: string) => `/api/admin/lab/artifacts/${id(name)}`;
const release = (name: string) => `/api/admin/lab/releases/${id(name)}`;
const wheel = "/api/admin/lab/flywheel";

/** Calls of the lab, for those who run the house. All reject with a `Problem`. */
export const lab = {
  stages: () => call<Stages>("GET", "/api/admin/lab/stages"),
  runs: (before: string | null, stage?: string) =>
    call<Pages<LabRun>>("GET", `/api/admin/lab/runs${asked({ before, stage: stage ?? null })}`),
  run: (name: string) => call<LabRunDetails>("GET", run(name)),
  events: (name: string, after: number) => call<LabEvents>("GET", `${run(name)}/events?after=${after}`),
  start: (recipe: string, name: string | null) =>
    call<LabRunDetails>("POST", "/api/admin/lab/runs", { recipe, name }),
  stop: (name: string) => call<LabRunDetails>("POST", `${run(name)}/stop`),
  resume: (name: string) => call<LabRunDetails>("POST", `${run(name)}/resume`),
  replies: (name: string, which: { task: string | null; wrong: boolean }, offset: number) =>
    call<Replies>(
      "GET",
      `${run(name)}/replies${asked({ task: which.task, wrong: String(which.wrong), offset: String(offset), limit: "20" })}`,
    ),
  compare: (before: string, after: string) =>
    call<Comparison>("GET", `/api/admin/lab/compare${asked({ before, after })}`),
  pairs: (before: string, after: string, task: string | null, offset: number) =>
    call<PairPage>(
      "GET",
      `/api/admin/lab/compare/replies${asked({ before, after, task, offset: String(offset), limit: "20" })}`,
    ),

  artifacts: (before: string | null) =>
    call<Pages<Artifact>>("GET", `/api/admin/lab/artifacts${asked({ before })}`),
  artifact: (name: string) => call<Artifact>("GET", artifact(name)),
  sign: (name: string) => call<Artifact>("POST", `${artifact(name)}/sign`),
  override: (name: string, reason: string) =>
    call<Artifact>("POST", `${artifact(name)}/override`, { reason }),
  release: (name: string, share_percent: number, bounds: Bounds) =>
    call<Release>("POST", `${artifact(name)}/release`, { share_percent, bounds }),

  releases: (before: string | null) =>
    call<Pages<Release>>("GET", `/api/admin/lab/releases${asked({ before })}`),
  readRelease: (name: string) => call<Release>("GET", release(name)),
  setShare: (name: string, share_percent: number) =>
    call<Release>("POST", `${release(name)}/share`, { share_percent }),
  promote: (name: string) => call<Release>("POST", `${release(name)}/promote`),
  rollBack: (name: string, reason: string) => call<Release>("POST", `${release(name)}/roll-back`, { reason }),
  undo: (name: string, reason: string) => call<Release>("POST", `${release(name)}/undo`, { reason }),

  flywheel: () => call<Flywheel>("GET", wheel),
  collect: () => call<Flywheel>("POST", `${wheel}/collect`),
  examples: (verdict: Verdict, after: string | null) =>
    call<ExamplePage>("GET", `${wheel}/examples${asked({ verdict, after, limit: "20" })}`),
  decide: (ids: readonly string[], verdict: Exclude<Verdict, "pending">) =>
    call<Flywheel>("POST", `${wheel}/examples/decide`, { ids, verdict }),
  rewrite: (example: string, texts: ExampleTexts) =>
    call<Example>("PATCH", `${wheel}/examples/${id(example)}`, texts),
  beginTurn: (settings: TurnSettings) => call<Turn>("POST", `${wheel}/turns`, settings),
  actOnTurn: (turn: string, act: "proceed" | "stop" | "retry") =>
    call<Turn>("POST", `${wheel}/turns/${id(turn)}/${act}`),

  acts: (target_id: string) => call<Pages<AuditEntry>>("GET", `/api/admin/audit${asked({ target_id })}`),
};
