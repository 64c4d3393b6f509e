import { type ComponentProps, type ReactNode, useId } from "react";

interface Props extends Omit<ComponentProps<"textarea">, "id" | "value" | "maxLength"> {
  label: string;
  hint?: ReactNode;
  value: string;
  /** Characters that it may have; more can be typed, and is said to be too much. */
  longest: number;
  /** How full it is, in words. */
  count: string;
  error?: string | undefined;
}

/** A labelled text of several lines, with how much of its room is taken. */
export function TextArea({ label, hint, value, longest, count, error, ...rest }: Props) {
  const id = useId();
  const wrong = value.trim().length > longest || error !== undefined;
  const described = [hint && `${id}-hint`, error && `${id}-error`, `${id}-count`].filter(Boolean).join(" ");
  return (
    <div>
      <label htmlFor={id} className="block font-medium text-sm">
        {label}
      </label>
      {hint && (
        <div id={`${id}-hint`} className="mt-0.5 text-pretty text-muted text-sm">
          {hint}
        </div>
      )}
      <textarea
        id={id}
        value={value}
        aria-invalid={wrong || undefined}
        aria-describedby={described}
        className="field-sizing-content mt-2 block max-h-80 min-h-28 w-full resize-none rounded-sm border border-control bg-raised px-3 py-2.5 outline-none transition-colors duration-100 focus:border-accent focus:ring-1 focus:ring-accent aria-invalid:border-danger aria-invalid:ring-danger"
        {...rest}
      />
      <div className="mt-1.5 flex gap-4 text-sm">
        {error && (
          <p id={`${id}-error`} className="min-w-0 text-danger">
            {error}
          </p>
        )}
        <p
          id={`${id}-count`}
          className={`ms-auto flex-none tabular-nums ${wrong ? "text-danger" : "text-muted"}`}
        >
          {count}
        </p>
      </div>
    </div>
  );
}
