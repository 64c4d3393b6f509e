import { CircleAlert, RotateCw, X } from "lucide-react";
import type { ReactNode } from "react";
import { useWords } from "~/i18n";
import { IconButton } from "./IconButton";

interface Props {
  /** What went wrong. */
  text: string;
  /** What is not lost, or what else to do. */
  hint?: string | undefined;
  retry?: (() => void) | undefined;
  retryLabel?: string;
  dismiss?: () => void;
  /** Another way out: a link. */
  action?: ReactNode;
}

/** Something went wrong, said where it did, with the way out beside it. */
export function Trouble({ text, hint, retry, retryLabel, dismiss, action }: Props) {
  const t = useWords();
  return (
    <div
      role="alert"
      className="appear my-3 flex items-start gap-3 rounded-md bg-danger-tint py-2.5 pe-2 ps-4 text-sm"
    >
      <CircleAlert aria-hidden className="mt-1 size-4 flex-none text-danger" />
      <p className="me-auto py-0.5 text-ink">
        {text} {hint && <span className="text-muted">{hint}</span>}
      </p>
      {action}
      {retry && (
        <button
          type="button"
          onClick={retry}
          className="relative inline-flex h-8 flex-none items-center gap-1.5 rounded-sm px-2.5 font-medium text-danger hover:bg-raised touch:before:absolute touch:before:-inset-1.5"
        >
          <RotateCw aria-hidden className="size-3.5" />
          {retryLabel ?? t.problem.retry}
        </button>
      )}
      {dismiss && <IconButton label={t.problem.dismiss} icon={X} onClick={dismiss} small />}
    </div>
  );
}
