import { Eye, EyeOff } from "lucide-react";
import { type ComponentProps, type ReactNode, useId, useState } from "react";
import { useWords } from "~/i18n";
import { IconButton } from "~/ui/IconButton";

interface Props extends Omit<ComponentProps<"input">, "id"> {
  label: string;
  /** For a field under a heading that names it already: the label is there for screen readers alone. */
  hideLabel?: boolean;
  hint?: ReactNode;
  error?: string | undefined;
}

/** A labelled input with its hint, and below it what is wrong with it. */
export function Field({ label, hideLabel = false, hint, error, type, className = "", ...rest }: Props) {
  const t = useWords();
  const id = useId();
  const [shown, setShown] = useState(false);
  const secret = type === "password";
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div>
      <label htmlFor={id} className={hideLabel ? "sr-only" : "mb-1.5 block font-medium text-sm"}>
        {label}
      </label>
      <div className="relative">
        <input
          id={id}
          type={secret && shown ? "text" : type}
          data-begin={rest.autoFocus || undefined}
          aria-invalid={error ? true : undefined}
          aria-describedby={described || undefined}
          className={`h-11 w-full rounded-sm border border-control bg-raised px-3 outline-none transition-colors duration-100 focus:border-accent focus:ring-1 focus:ring-accent aria-invalid:border-danger aria-invalid:ring-danger ${secret ? "pe-12" : ""} ${className}`}
          {...rest}
        />
        {secret && (
          <IconButton
            label={shown ? t.signIn.hide : t.signIn.show}
            icon={shown ? EyeOff : Eye}
            onClick={() => setShown(!shown)}
            className="absolute! top-1.5 end-1.5"
            small
          />
        )}
      </div>
      {hint && (
        <div id={`${id}-hint`} className="mt-1.5 text-muted text-sm">
          {hint}
        </div>
      )}
      {error && (
        <p id={`${id}-error`} className="mt-1.5 text-danger text-sm">
          {error}
        </p>
      )}
    </div>
  );
}
