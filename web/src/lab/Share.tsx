import { useId } from "react";
import { useAmounts } from "~/settings/money/amounts";
import { useLabWords } from "./words";

// Few first: what is wrong shows among few as well.
const shares = [1, 2, 5, 10, 20, 30, 50, 75, 100] as const;

/** To how many of a hundred people something is served. */
export function Share({
  label,
  value,
  change,
}: {
  label: string;
  value: number;
  change: (share: number) => void;
}) {
  const t = useLabWords().models;
  const amounts = useAmounts();
  const id = useId();
  const place = shares.reduce(
    (best, each, index) => (Math.abs(each - value) < Math.abs((shares[best] ?? 0) - value) ? index : best),
    0,
  );
  const said = amounts.percent(value / 100);
  return (
    <div>
      <div className="flex items-baseline justify-between gap-4">
        <label htmlFor={id} className="font-medium text-sm">
          {label}
        </label>
        <output htmlFor={id} className="font-serif text-lg tabular-nums">
          {said}
        </output>
      </div>
      <input
        id={id}
        type="range"
        min={0}
        max={shares.length - 1}
        step={1}
        value={place}
        aria-valuetext={t.ofPeople(said)}
        onChange={(event) => change(shares[Number(event.target.value)] ?? value)}
        className="mt-1 h-8 w-full cursor-pointer accent-accent touch:h-11"
      />
      <div aria-hidden className="flex justify-between text-muted text-xs tabular-nums">
        <span>{amounts.percent(0.01)}</span>
        <span>{amounts.percent(1)}</span>
      </div>
    </div>
  );
}
