import type { Flywheel, Turn, Verdict } from "~/api/lab";

/** The way of a turn that ends well. */
export const steps = [
  "curating",
  "preparing",
  "training",
  "exporting",
  "gating",
  "signing",
  "canary",
  "promoted",
] as const;

export type Step = (typeof steps)[number];

const over: ReadonlySet<Turn["state"]> = new Set(["promoted", "rolled_back", "stopped", "failed"]);

/** Whether something still happens to a turn. */
export function underWay({ state }: Pick<Turn, "state">): boolean {
  return !over.has(state);
}

/** The turn that somebody has to look at: one that is under way, or the newest one where it failed. */
export function presentOf(turns: readonly Turn[]): Turn | null {
  const [newest] = turns;
  return newest && (underWay(newest) || newest.state === "failed") ? newest : null;
}

/** The step that a turn is at, or had come to when it ended. */
export function reached(turn: Turn): Step {
  const { state, failed_in, release_id, artifact_id, thumbs, pairs } = turn;
  const step = steps.find((each) => each === state) ?? steps.find((each) => each === failed_in);
  if (step) return step;
  if (release_id !== null) return "canary";
  // A run that failed is named: what fails after all of them is what follows the signature.
  if (artifact_id !== null) return state === "failed" ? "signing" : "gating";
  return thumbs + pairs > 0 ? "preparing" : "curating";
}

/** Where a step of a turn is looked at: its run, what it made, or its release; null before there is one. */
export function placeOf(
  turn: Turn,
  step: Step,
): { page: "runs" | "models" | "releases"; item: string } | null {
  const run = turn.runs[step];
  if (run !== undefined) return { page: "runs", item: run };
  if (step === "signing" && turn.artifact_id) return { page: "models", item: turn.artifact_id };
  if (step === "canary" && turn.release_id) return { page: "releases", item: turn.release_id };
  return null;
}

/** How many examples there are of a verdict, by kind and in all. */
export function countsOf(
  examples: Flywheel["examples"],
  verdict: Verdict,
): { thumbs: number; pairs: number; all: number } {
  const of = (kind: "thumb" | "pair") =>
    examples.find((each) => each.verdict === verdict && each.kind === kind)?.count ?? 0;
  const [thumbs, pairs] = [of("thumb"), of("pair")];
  return { thumbs, pairs, all: thumbs + pairs };
}

/** Why a turn ended, as the server says it, taken apart; null where it is said in another way. */
export function reasonOf(
  said: string,
): { kind: "stopped"; by: string } | { kind: "few"; had: number; least: number } | null {
  const stopped = /^(\S+) stopped it\.$/.exec(said);
  if (stopped) return { kind: "stopped", by: stopped[1] ?? "" };
  const few = /^There are (\d+) examples, and (\d+) are needed\.$/.exec(said);
  return few ? { kind: "few", had: Number(few[1]), least: Number(few[2]) } : null;
}

/** A text in pieces: what stands for something that was taken out, such as `[email]`, is a piece of its own. */
export function pieces(text: string): { text: string; out: boolean }[] {
  return text
    .split(/(\[(?:key|email|url|iban|card|identity|phone|address|name)\])/)
    .map((piece, place) => ({ text: piece, out: place % 2 === 1 }))
    .filter((piece) => piece.text !== "");
}
