import { Table2 } from "lucide-react";
import { useState } from "react";
import type { Bucket } from "~/api/money";
import { useLocale } from "~/i18n";
import { buttonLook } from "~/ui/Button";
import { type Chart as Data, OTHERS, top } from "./series";
import { useTableKey } from "./useTableKey";
import { useMoneyWords } from "./words";

/** From the foot of a bar to its top; light and dark alternate, so that they differ in grey as well. */
const fills = [
  "bg-accent",
  "bg-[color-mix(in_oklab,var(--accent)_38%,var(--paper))]",
  "bg-positive",
  "bg-[color-mix(in_oklab,var(--positive)_38%,var(--paper))]",
  "bg-control",
];

interface Props {
  data: Data;
  bucket: Bucket;
  /** What is drawn, with its unit: "Tokens a day". */
  label: string;
  /** What the groups are: "Model". */
  grouped: string;
  name: (group: string | null) => string;
  /** A value as the axis says it, and in full. */
  short: (value: number) => string;
  full: (value: number) => string;
}

/** Bars over time, each group named beside its sum; the same as a table is one key (T) away. */
export function Chart({ data, bucket, label, grouped, name, short, full }: Props) {
  const t = useMoneyWords().chart;
  const [table, setTable] = useTableKey();
  const called = (group: string | null) => (group === OTHERS ? t.others : name(group));
  return (
    <figure aria-label={label} className="min-w-0">
      <figcaption className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
        <span className="me-auto">
          <span className="block text-muted text-sm">{label}</span>
          <span className="font-serif text-xl tabular-nums tracking-tight">{full(data.total)}</span>
        </span>
        <button
          type="button"
          aria-keyshortcuts="T"
          title={`${table ? t.asChart : t.asTable} (T)`}
          onClick={() => setTable(!table)}
          className={`${buttonLook("outline")} h-9! px-3!`}
        >
          <Table2 aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {table ? t.asChart : t.asTable}
        </button>
      </figcaption>
      {table ? (
        <Numbers data={data} bucket={bucket} label={label} grouped={grouped} called={called} full={full} />
      ) : (
        <Bars data={data} bucket={bucket} label={label} called={called} short={short} full={full} />
      )}
    </figure>
  );
}

function Bars({
  data,
  bucket,
  label,
  called,
  short,
  full,
}: Pick<Props, "data" | "bucket" | "label" | "short" | "full"> & {
  called: (group: string | null) => string;
}) {
  const t = useMoneyWords().chart;
  const say = useStart(bucket);
  const [at, setAt] = useState<number | null>(null);
  const height = top(Math.max(0, ...data.totals));
  const last = data.starts.length - 1;
  const marks = [...new Set([0, Math.round(last / 3), Math.round((2 * last) / 3), last])];
  const read = at === null ? undefined : data.starts[at];
  return (
    <div className="flex flex-col gap-x-8 gap-y-4 md:flex-row">
      {/* Time runs from left to right in every language. */}
      <div className="min-w-0 flex-1" dir="ltr">
        <div
          role="img"
          aria-label={`${label}: ${full(data.total)}. ${t.more}`}
          className="relative h-52 ps-12"
          onPointerLeave={() => setAt(null)}
        >
          {[1, 0.5, 0].map((part) => (
            <span
              key={part}
              aria-hidden
              className="absolute end-0 start-12 border-line border-t"
              style={{ top: `${(1 - part) * 100}%` }}
            >
              <span className="absolute -top-2.5 end-full pe-2.5 text-muted text-xs tabular-nums">
                {short(height * part)}
              </span>
            </span>
          ))}
          <div className="relative flex h-full items-end gap-px sm:gap-0.5" aria-hidden>
            {data.starts.map((start, place) => (
              <div
                key={start.getTime()}
                onPointerEnter={() => setAt(place)}
                className={`flex h-full min-w-0 flex-1 flex-col-reverse ${at === place ? "bg-tint" : ""}`}
              >
                {data.series.map((series, index) => {
                  const value = series.values[place] ?? 0;
                  return value > 0 ? (
                    <span
                      key={series.group}
                      className={`mx-auto w-full max-w-9 flex-none border-paper border-t last:rounded-t-[3px] ${fills[index]}`}
                      style={{ height: `max(2px, ${(value / height) * 100}%)` }}
                    />
                  ) : null;
                })}
              </div>
            ))}
          </div>
        </div>
        <div aria-hidden className="relative mt-2 ms-12 h-5 text-muted text-xs tabular-nums">
          {marks.map((place) => {
            const start = data.starts[place];
            const left = ((place + 0.5) / (last + 1)) * 100;
            return (
              start && (
                <span
                  key={place}
                  className="absolute whitespace-nowrap"
                  style={{
                    left: `${left}%`,
                    transform: `translateX(${last > 2 && place === 0 ? 0 : last > 2 && place === last ? -100 : -50}%)`,
                  }}
                >
                  {say(start)}
                </span>
              )
            );
          })}
        </div>
        <p aria-hidden className="mt-1 ms-12 h-5 text-sm tabular-nums">
          {read && at !== null && (
            <>
              <span className="text-muted">{say(read)}</span> {full(data.totals[at] ?? 0)}
            </>
          )}
        </p>
      </div>
      <ul aria-label={t.sums} className="space-y-2 text-sm md:w-52 md:pt-1">
        {data.series.map((series, index) => (
          <li key={series.group} className="flex items-baseline gap-2.5">
            <span aria-hidden className={`size-2.5 flex-none rounded-[3px] ${fills[index]}`} />
            <span className="min-w-0 flex-1 break-words">{called(series.group)}</span>
            <span className="text-muted tabular-nums">{full(series.total)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Numbers({
  data,
  bucket,
  label,
  grouped,
  called,
  full,
}: Pick<Props, "data" | "bucket" | "label" | "grouped" | "full"> & {
  called: (group: string | null) => string;
}) {
  const t = useMoneyWords().chart;
  const say = useStart(bucket);
  const used = data.starts
    .map((start, place) => ({ start, place }))
    .filter(({ place }) => (data.totals[place] ?? 0) !== 0)
    .reverse();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must be able to reach it
    <section aria-label={label} tabIndex={0} className="max-h-96 overflow-auto">
      <table className="w-full border-collapse text-sm tabular-nums">
        <caption className="sr-only">
          {label}, {grouped}
        </caption>
        <thead>
          <tr className="border-control border-b text-start">
            <th scope="col" className="py-2 pe-6 font-medium">
              {t.period}
            </th>
            {data.series.map(({ group }) => (
              <th key={group} scope="col" className="py-2 pe-6 text-end font-medium">
                {called(group)}
              </th>
            ))}
            <th scope="col" className="py-2 text-end font-medium">
              {t.total}
            </th>
          </tr>
        </thead>
        <tbody>
          {used.map(({ start, place }) => (
            <tr key={place} className="border-line border-b">
              <th scope="row" className="whitespace-nowrap py-2 pe-6 text-start font-normal">
                {say(start)}
              </th>
              {data.series.map(({ group, values }) => (
                <td key={group} className="py-2 pe-6 text-end">
                  {full(values[place] ?? 0)}
                </td>
              ))}
              <td className="py-2 text-end">{full(data.totals[place] ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** A stretch of time in words. It was cut in UTC, and is said so. */
function useStart(bucket: Bucket): (start: Date) => string {
  const locale = useLocale();
  const words = new Intl.DateTimeFormat(locale === "en" ? "en-GB" : locale, {
    timeZone: "UTC",
    ...(bucket === "month" ? { month: "short", year: "numeric" } : { day: "numeric", month: "short" }),
    ...(bucket === "hour" ? { hour: "2-digit", minute: "2-digit" } : {}),
  });
  return (start) => words.format(start);
}
