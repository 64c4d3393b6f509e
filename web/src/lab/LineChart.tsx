import { type KeyboardEvent, type PointerEvent, useId, useRef, useState } from "react";
import { useAmounts } from "~/settings/money/amounts";
import { type Drawn, type Line, nearest, scaleOf, some, stepsOf, valueAt } from "./curves";
import { useFigures } from "./figures";
import { useLabWords } from "./words";

/** Runs by colour, light and dark by turns so that they differ in grey as well. */
const colours = ["var(--accent)", "var(--ink)", "var(--positive)", "var(--control)"];

/** How the lines of a run differ from each other: whole, then in pieces. */
const pieces = ["", "6 4", "1.5 3.5"];

const MOST_ROWS = 200;

interface Props {
  chart: Drawn;
  title: string;
  /** Whether the table is shown in its place. */
  table: boolean;
  log: boolean;
  tall?: boolean;
}

/** Curves over steps, each named beside its last value; read with the pointer or the arrow keys, or as a table. */
export function LineChart({ chart, title, table, log, tall = false }: Props) {
  const several = new Set(chart.lines.map(({ run }) => run)).size > 1;
  const t = useLabWords();
  const called = ({ run, figure }: Line) => {
    const name = t.figures[figure] ?? figure;
    return several ? `${run} · ${name}` : name;
  };
  return table ? (
    <Numbers chart={chart} title={title} called={called} />
  ) : (
    <Curves chart={chart} title={title} called={called} log={log} tall={tall} />
  );
}

type Inner = Pick<Props, "chart" | "title"> & { called: (line: Line) => string };

function Curves({ chart, title, called, log, tall }: Inner & { log: boolean; tall: boolean }) {
  const t = useLabWords().charts;
  const amounts = useAmounts();
  const { figure, plain } = useFigures();
  const area = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const { lines } = chart;
  const steps = stepsOf(lines);
  const first = steps[0] ?? 0;
  const last = steps.at(-1) ?? 1;
  const scale = scaleOf(
    lines.flatMap(({ points }) => points.map(([, value]) => value)),
    log,
  );
  const across = (step: number) => (last === first ? 0.5 : (step - first) / (last - first));
  // A run that goes on may have brought steps before the one that is read.
  const place = at === null ? null : Math.min(at, steps.length - 1);
  const read = place === null ? null : (steps[place] ?? null);
  const found = lines.map((line) => valueAt(line, read ?? last));
  const shares = chart.name === "accuracy" || chart.name === "reward";
  const mark = (value: number) => (shares ? figure(chart.name, value) : plain(value));

  const point = (event: PointerEvent) => {
    const box = area.current?.getBoundingClientRect();
    if (box && box.width > 0)
      setAt(nearest(steps, first + ((event.clientX - box.left) / box.width) * (last - first)));
  };
  const press = (event: KeyboardEvent) => {
    const from = place ?? (event.key === "ArrowLeft" ? steps.length : -1);
    const far = Math.max(1, Math.round(steps.length / 10));
    const moves: Record<string, number> = {
      ArrowRight: from + 1,
      ArrowLeft: from - 1,
      PageUp: from + far,
      PageDown: from - far,
      Home: 0,
      End: steps.length - 1,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setAt(Math.min(steps.length - 1, Math.max(0, to)));
  };
  const said = (step: number) =>
    [
      t.at(amounts.count(step)),
      ...lines.map((line) => {
        const value = valueAt(line, step);
        return value === null ? null : `${called(line)} ${figure(line.figure, value)}`;
      }),
    ]
      .filter(Boolean)
      .join(", ");

  return (
    <div>
      {/* Steps run from left to right in every language. */}
      <div dir="ltr" className={`relative ps-12 ${tall ? "h-56" : "h-36"}`}>
        {scale.marks.map((value) => (
          <span
            key={value}
            aria-hidden
            className="absolute end-0 start-12 border-line border-t"
            style={{ top: `${(1 - scale.at(value)) * 100}%` }}
          >
            <span className="absolute -top-2.5 end-full whitespace-nowrap pe-2.5 text-muted text-xs tabular-nums">
              {mark(value)}
            </span>
          </span>
        ))}
        <div
          ref={area}
          role="slider"
          tabIndex={0}
          aria-label={t.read(title)}
          aria-valuemin={first}
          aria-valuemax={last}
          aria-valuenow={read ?? last}
          aria-valuetext={said(read ?? last)}
          onPointerMove={point}
          onPointerDown={point}
          onPointerLeave={(event) => event.pointerType === "mouse" && setAt(null)}
          onBlur={() => setAt(null)}
          onKeyDown={press}
          className="relative h-full touch-pan-y rounded-[4px]"
        >
          <svg
            aria-hidden="true"
            viewBox="0 0 1 1"
            preserveAspectRatio="none"
            className="absolute inset-0 size-full overflow-visible"
          >
            {lines.map((line) => (
              <path
                key={`${line.run} ${line.figure}`}
                d={pathOf(line, across, scale.at, log)}
                fill="none"
                stroke={colours[line.place % colours.length]}
                strokeWidth={1.75}
                strokeLinejoin="round"
                strokeLinecap="round"
                strokeDasharray={dashOf(lines, line)}
                vectorEffect="non-scaling-stroke"
              />
            ))}
          </svg>
          {read !== null && (
            <span
              aria-hidden
              className="pointer-events-none absolute inset-y-0 border-control border-s"
              style={{ left: `${across(read) * 100}%` }}
            />
          )}
          {lines.map((line, index) => {
            const value = found[index];
            if (value === null || value === undefined || (log && value <= 0)) return null;
            if (read === null && line.points.length > 1) return null;
            const step = read ?? line.points[0]?.[0] ?? first;
            return (
              <span
                key={`${line.run} ${line.figure}`}
                aria-hidden
                className="pointer-events-none absolute size-2 -translate-1/2 rounded-full ring-2 ring-paper"
                style={{
                  left: `${across(step) * 100}%`,
                  top: `${(1 - scale.at(value)) * 100}%`,
                  background: colours[line.place % colours.length],
                }}
              />
            );
          })}
        </div>
      </div>
      <div
        aria-hidden
        dir="ltr"
        className="relative mt-2 ms-12 flex justify-between text-muted text-xs tabular-nums"
      >
        <span className={read !== null && across(read) < 0.15 ? "invisible" : ""}>
          {amounts.count(first)}
        </span>
        {read !== null && (
          <span
            className="absolute whitespace-nowrap text-ink"
            style={{ left: `${across(read) * 100}%`, transform: `translateX(-${across(read) * 100}%)` }}
          >
            {t.at(amounts.count(read))}
          </span>
        )}
        <span className={read !== null && across(read) > 0.85 ? "invisible" : ""}>
          {t.at(amounts.count(last))}
        </span>
      </div>
      <ul className="mt-2 ms-12 flex flex-wrap gap-x-5 gap-y-1 text-sm">
        {lines.map((line, index) => {
          const value = found[index];
          return (
            <li key={`${line.run} ${line.figure}`} className="flex min-w-0 items-center gap-2">
              <Sample line={line} lines={lines} />
              <span className="min-w-0 break-words">{called(line)}</span>
              <span className="text-muted tabular-nums">
                {value === null || value === undefined ? "–" : figure(line.figure, value)}
              </span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Sample({ line, lines }: { line: Line; lines: readonly Line[] }) {
  return (
    <svg aria-hidden="true" className="h-2 w-5 flex-none" viewBox="0 0 20 8">
      <line
        x1="1"
        x2="19"
        y1="4"
        y2="4"
        stroke={colours[line.place % colours.length]}
        strokeWidth="2"
        strokeLinecap="round"
        strokeDasharray={dashOf(lines, line)}
      />
    </svg>
  );
}

function Numbers({ chart: { lines }, title, called }: Inner) {
  const t = useLabWords().charts;
  const amounts = useAmounts();
  const { figure } = useFigures();
  const shown = some(stepsOf(lines), MOST_ROWS).reverse();
  // What was not measured at a step is not said of it.
  const measured = lines.map(({ points }) => new Map(points));
  const id = useId();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must be able to reach it
    <section aria-labelledby={id} tabIndex={0} className="max-h-80 overflow-auto">
      <table className="w-full border-collapse text-sm tabular-nums">
        <caption id={id} className="sr-only">
          {title}
        </caption>
        <thead>
          <tr className="border-control border-b">
            <th scope="col" className="py-2 pe-6 text-start font-medium">
              {t.step}
            </th>
            {lines.map((line) => (
              <th
                key={`${line.run} ${line.figure}`}
                scope="col"
                className="py-2 ps-6 text-end font-medium normal-nums"
              >
                {called(line)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((step) => (
            <tr key={step} className="border-line border-b">
              <th scope="row" className="py-1.5 pe-6 text-start font-normal">
                {amounts.count(step)}
              </th>
              {lines.map((line, place) => {
                const value = measured[place]?.get(step) ?? null;
                return (
                  <td key={`${line.run} ${line.figure}`} className="py-1.5 ps-6 text-end">
                    {value === null ? "" : figure(line.figure, value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Lines of one run are told apart by how they are drawn. */
function dashOf(lines: readonly Line[], line: Line): string | undefined {
  const figures = [...new Set(lines.map(({ figure }) => figure))];
  return pieces[figures.indexOf(line.figure) % pieces.length] || undefined;
}

function pathOf(
  { points }: Line,
  across: (step: number) => number,
  up: (value: number) => number,
  log: boolean,
): string {
  return points
    .filter(([, value]) => !log || value > 0)
    .map(
      ([step, value], place) =>
        `${place ? "L" : "M"}${across(step).toFixed(4)} ${(1 - up(value)).toFixed(4)}`,
    )
    .join("");
}
