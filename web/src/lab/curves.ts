import type { Curve, LabEvents } from "~/api/lab";

/** A step, and what was measured at it. */
export type Point = readonly [number, number];

/** What was known of a run with what it has told since. Steps that it took again stand in place of what they were. */
export function joined(before: LabEvents, more: LabEvents): LabEvents {
  const curves = new Map(before.curves.map((curve) => [curve.name, curve]));
  for (const { name, points } of more.curves) {
    const known = curves.get(name)?.points ?? [];
    const first = points[0]?.[0] ?? Number.POSITIVE_INFINITY;
    curves.set(name, { name, points: [...known.filter(([step]) => step < first), ...points] });
  }
  return { curves: [...curves.values()], notes: [...before.notes, ...more.notes], next: more.next };
}

export type ChartName = "loss" | "reward" | "accuracy" | "learning_rate" | "tokens_a_second";

/** Which figures are drawn together: they have one unit. */
const together: readonly (readonly [ChartName, readonly string[]])[] = [
  ["loss", ["loss", "held_out_loss"]],
  ["reward", ["reward", "held_out_score", "solved"]],
  ["accuracy", ["accuracy", "held_out_accuracy"]],
  ["learning_rate", ["learning_rate"]],
  ["tokens_a_second", ["tokens_a_second"]],
];

/** A line of a chart: a figure of one of the runs. */
export interface Line {
  run: string;
  /** Which of the runs, so that all its lines are drawn alike. */
  place: number;
  figure: string;
  points: readonly Point[];
}

export interface Drawn {
  /** One that has words of its own, or the name of a figure. */
  name: string;
  lines: Line[];
}

/** The charts of some runs laid over each other: first those that matter most, then each other figure by itself. */
export function chartsOf(runs: readonly { name: string; curves: readonly Curve[] }[]): {
  main: Drawn[];
  others: Drawn[];
} {
  const lines = (figures: readonly string[]): Line[] =>
    runs.flatMap(({ name: run, curves }, place) =>
      figures.flatMap((figure) => {
        const points = curves.find(({ name }) => name === figure)?.points;
        return points?.length ? [{ run, place, figure, points }] : [];
      }),
    );
  const drawn = new Set(together.flatMap(([, figures]) => figures));
  const rest = new Set(runs.flatMap(({ curves }) => curves.map(({ name }) => name)));
  return {
    main: together
      .map(([name, figures]) => ({ name, lines: lines(figures) }))
      .filter((chart) => chart.lines.length > 0),
    others: [...rest].filter((name) => !drawn.has(name)).map((name) => ({ name, lines: lines([name]) })),
  };
}

/** A range of values as a chart shows it, with its marks. */
export interface Scale {
  marks: readonly number[];
  /** Where a value is: 0 at the low end, 1 at the high one. */
  at: (value: number) => number;
}

/** A scale around these values; a logarithmic one leaves out those that are not above zero. */
export function scaleOf(values: readonly number[], log: boolean): Scale {
  const known = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  let low = known.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  let high = known.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (known.length === 0) [low, high] = log ? [1, 10] : [0, 1];
  if (log) {
    if (low === high) [low, high] = [low / 2, high * 2];
    const [from, to] = [Math.log10(low), Math.log10(high)];
    return { marks: decades(low, high), at: (value) => (Math.log10(value) - from) / (to - from) };
  }
  // What is nearly nothing beside the rest begins at nothing.
  if (low > 0 && low < high * 0.25) low = 0;
  if (low === high) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) / 2, high + Math.abs(high) / 2];
  const step = rounded((high - low) / 4);
  const first = Math.floor(low / step + 1e-9) * step;
  const last = Math.ceil(high / step - 1e-9) * step;
  const marks: number[] = [];
  for (let place = 0; first + place * step <= last + step / 2; place++)
    marks.push(Number((first + place * step).toPrecision(12)));
  return { marks, at: (value) => (value - first) / (last - first) };
}

function decades(low: number, high: number): number[] {
  const within = (several: readonly number[]) =>
    several.filter((mark) => mark >= low * (1 - 1e-9) && mark <= high * (1 + 1e-9));
  const powers: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    powers.push(power);
  const tens = within(powers.map((power) => 10 ** power));
  if (tens.length >= 3) return tens;
  const more = within(powers.flatMap((power) => [1, 2, 5].map((part) => part * 10 ** power)));
  return more.length >= 2 ? more : [low, high];
}

function rounded(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return ([1, 2, 2.5, 5, 10].find((each) => each * power >= step * (1 - 1e-9)) ?? 10) * power;
}

/** All steps of some lines, in order. */
export function stepsOf(lines: readonly Line[]): number[] {
  return [...new Set(lines.flatMap(({ points }) => points.map(([step]) => step)))].sort((a, b) => a - b);
}

/** The place in `steps` of the one next to `step`. */
export function nearest(steps: readonly number[], step: number): number {
  let best = 0;
  steps.forEach((each, place) => {
    if (Math.abs(each - step) < Math.abs((steps[best] ?? 0) - step)) best = place;
  });
  return best;
}

/** What a line says at a step: what it said last before it; null before its first. */
export function valueAt({ points }: Pick<Line, "points">, step: number): number | null {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.[0] ?? 0) <= step) low = middle + 1;
    else high = middle;
  }
  return points[low - 1]?.[1] ?? null;
}

/** Of steps no more than `most`, evenly, with the first and the last: for a table. */
export function some(steps: readonly number[], most: number): number[] {
  if (steps.length <= most) return [...steps];
  return Array.from(
    { length: most },
    (_, place) => steps[Math.round((place * (steps.length - 1)) / (most - 1))] ?? 0,
  );
}
