import type { Curve } from "~/api/lab";
import { scaleOf } from "./curves";

/** A curve as small as a word. */
export function Sparkline({ curve: { points }, label }: { curve: Curve; label: string }) {
  const values = points.map(([, value]) => value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const first = points[0]?.[0] ?? 0;
  const last = points.at(-1)?.[0] ?? 1;
  const flat = scaleOf(values, false).at;
  const up = (value: number) => (high === low ? flat(value) : (value - low) / (high - low));
  const path = points
    .map(([step, value], place) => {
      const x = last === first ? 50 : ((step - first) / (last - first)) * 100;
      return `${place ? "L" : "M"}${x.toFixed(1)} ${(22 - up(value) * 20).toFixed(1)}`;
    })
    .join("");
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox="-1 0 102 24"
      preserveAspectRatio="none"
      className="h-6 w-24 flex-none"
    >
      <path
        d={path}
        fill="none"
        stroke="var(--accent)"
        strokeWidth={1.5}
        strokeLinejoin="round"
        strokeLinecap="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
