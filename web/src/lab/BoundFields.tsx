import { Switch } from "~/settings/parts/Switch";
import { NumberField } from "./NumberField";
import { boundRules } from "./numbers";
import { useLabWords } from "./words";

export type BoundName = keyof typeof boundRules;

/** When a canary may go to all, and whether it then does by itself. */
export function BoundFields({
  texts,
  change,
  promotes,
  turn,
}: {
  texts: Record<BoundName, string>;
  change: (texts: Record<BoundName, string>) => void;
  promotes: boolean;
  turn: (promotes: boolean) => void;
}) {
  const t = useLabWords().models;
  return (
    <>
      <div className="mt-2 grid gap-4 sm:grid-cols-3">
        {(Object.keys(boundRules) as BoundName[]).map((name) => (
          <NumberField
            key={name}
            label={t[name]}
            rule={boundRules[name]}
            value={texts[name]}
            change={(text) => change({ ...texts, [name]: text })}
          />
        ))}
      </div>
      <p className="mt-2 text-muted text-sm">{t.slowerHint}</p>
      <div className="mt-4 flex items-center gap-3 text-sm">
        <Switch label={t.promotes} on={promotes} turn={turn} />
        <span aria-hidden>{t.promotes}</span>
      </div>
    </>
  );
}
