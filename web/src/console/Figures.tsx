import type { ReactNode } from "react";

/** Numbers with their names, side by side as far as there is room. */
export function Figures({ label, items }: { label: string; items: readonly [string, ReactNode][] }) {
  return (
    <dl aria-label={label} className="grid grid-cols-2 gap-x-8 gap-y-4 sm:grid-cols-3 lg:grid-cols-6">
      {items.map(([name, value]) => (
        <div key={name} className="min-w-0">
          <dt className="text-muted text-sm">{name}</dt>
          <dd className="break-words font-serif text-lg tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Facts in two columns: what, and how it is. */
export function Facts({ items }: { items: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[minmax(8rem,auto)_1fr] gap-x-8 gap-y-1.5 text-sm">
      {items.map(
        ([name, value]) =>
          value !== null &&
          value !== undefined && (
            <div key={name} className="contents">
              <dt className="text-muted">{name}</dt>
              <dd className="min-w-0 break-words tabular-nums">{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
