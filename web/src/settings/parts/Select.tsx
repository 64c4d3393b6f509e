import { ChevronDown } from "lucide-react";
import { type ReactNode, useId } from "react";

interface Props {
  label: string;
  hideLabel?: boolean;
  value: string;
  choose: (value: string) => void;
  children: ReactNode;
  disabled?: boolean;
  small?: boolean;
}

/** The browser's own list to choose from, which every phone and screen reader knows best. */
export function Select({
  label,
  hideLabel = false,
  value,
  choose,
  children,
  disabled = false,
  small = false,
}: Props) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className={hideLabel ? "sr-only" : "mb-1.5 block font-medium text-sm"}>
        {label}
      </label>
      <div className="relative">
        <select
          id={id}
          value={value}
          disabled={disabled}
          onChange={(event) => choose(event.target.value)}
          className={`w-full cursor-pointer appearance-none rounded-sm border bg-raised pe-9 ps-3 outline-none transition-colors duration-100 focus:border-accent focus:ring-1 focus:ring-accent disabled:opacity-60 ${small ? "h-9 border-line text-sm touch:h-11" : "h-11 border-control"}`}
        >
          {children}
        </select>
        <ChevronDown
          aria-hidden
          className="pointer-events-none absolute top-1/2 end-3 size-4 -translate-y-1/2 text-muted"
        />
      </div>
    </div>
  );
}
