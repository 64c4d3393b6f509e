import { Check } from "lucide-react";
import { type ReactNode, useId } from "react";

export interface Choice<T extends string> {
  value: T;
  label: ReactNode;
  /** Drawn above the label. */
  picture?: ReactNode;
  lang?: string;
}

interface Props<T extends string> {
  label: string;
  value: T;
  choices: readonly Choice<T>[];
  choose: (value: T) => void;
}

/** One of a few, all of them in sight: arrow keys move, as in any group of radio buttons. */
export function Choices<T extends string>({ label, value, choices, choose }: Props<T>) {
  const name = useId();
  return (
    <fieldset className="flex flex-wrap gap-2">
      <legend className="sr-only">{label}</legend>
      {choices.map((choice) => (
        <label
          key={choice.value}
          lang={choice.lang}
          className={`relative flex cursor-pointer items-center rounded-sm border border-line bg-raised text-sm transition-colors duration-100 hover:bg-tint has-checked:border-accent has-checked:bg-accent-tint has-focus-visible:outline-2 has-focus-visible:outline-accent has-focus-visible:outline-offset-2 ${choice.picture ? "min-w-24 flex-1 flex-col items-stretch p-1.5 sm:max-w-40" : "h-10 gap-2 px-3.5 touch:h-11"}`}
        >
          <input
            type="radio"
            name={name}
            value={choice.value}
            checked={choice.value === value}
            onChange={() => choose(choice.value)}
            className="peer absolute inset-0 cursor-pointer appearance-none rounded-sm outline-none"
          />
          {choice.picture}
          <span className={choice.picture ? "flex items-center gap-1.5 px-1 pt-2 pb-0.5" : "contents"}>
            <span className="me-auto">{choice.label}</span>
            {choice.value === value && (
              <Check
                aria-hidden
                className={`size-4 flex-none text-accent ${choice.picture ? "max-sm:hidden" : ""}`}
              />
            )}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
