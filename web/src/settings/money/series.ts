import type { Bucket, UsageRow } from "~/api/money";

/** Everything of one group, over time. `group` is null for what has none, and OTHERS for all that are small. */
export interface Series {
  group: string | null;
  values: number[];
  total: number;
}

export interface Chart {
  /** The beginnings of the stretches, those with nothing in them too. */
  starts: Date[];
  series: Series[];
  totals: number[];
  total: number;
}

export const OTHERS = "\u0000others";

/** So many groups can be told apart at a glance. */
const MOST = 4;

/** Rows of usage as a chart wants them: no gaps in time, the largest groups first, the small ones together. */
export function chartOf(
  rows: readonly UsageRow[],
  measure: (row: UsageRow) => number,
  from: Date,
  to: Date,
  bucket: Bucket,
): Chart {
  const starts = stretches(from, to, bucket);
  const places = new Map(starts.map((start, index) => [start.getTime(), index]));
  const groups = new Map<string | null, Series>();
  for (const row of rows) {
    const place = row.start === null ? undefined : places.get(new Date(row.start).getTime());
    if (place === undefined) continue;
    const series = groups.get(row.group) ?? empty(row.group, starts.length);
    add(series, place, measure(row));
    groups.set(row.group, series);
  }
  const sorted = [...groups.values()].filter(({ total }) => total !== 0).sort((a, b) => b.total - a.total);
  const series = sorted.length <= MOST + 1 ? sorted : [...sorted.slice(0, MOST), joined(sorted.slice(MOST))];
  const totals = starts.map((_, place) => series.reduce((sum, { values }) => sum + (values[place] ?? 0), 0));
  return { starts, series, totals, total: totals.reduce((sum, value) => sum + value, 0) };
}

function empty(group: string | null, length: number): Series {
  return { group, values: new Array(length).fill(0), total: 0 };
}

function add(series: Series, place: number, value: number): void {
  series.values[place] = (series.values[place] ?? 0) + value;
  series.total += value;
}

function joined(several: readonly Series[]): Series {
  const all = empty(OTHERS, several[0]?.values.length ?? 0);
  for (const { values } of several) values.forEach((value, place) => void add(all, place, value));
  return all;
}

/** The beginning of the stretch in UTC that an instant lies in. */
export function beginning(instant: Date, bucket: Bucket): Date {
  const start = new Date(instant);
  start.setUTCMinutes(0, 0, 0);
  if (bucket !== "hour") start.setUTCHours(0);
  if (bucket === "month") start.setUTCDate(1);
  return start;
}

function stretches(from: Date, to: Date, bucket: Bucket): Date[] {
  const found: Date[] = [];
  for (const start = beginning(from, bucket); start < to; ) {
    found.push(new Date(start));
    if (bucket === "hour") start.setUTCHours(start.getUTCHours() + 1);
    else if (bucket === "day") start.setUTCDate(start.getUTCDate() + 1);
    else start.setUTCMonth(start.getUTCMonth() + 1);
  }
  return found;
}

/** A round number at or above `most`, of which halves are round as well: the top of an axis. */
export function top(most: number): number {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 4, 5, 10].find((each) => each * power >= most * (1 - 1e-9)) ?? 10;
  return step * power;
}
