import { ChevronRight, type LucideIcon } from "lucide-react";
import { type ReactNode, useState } from "react";

interface Props {
  icon: LucideIcon;
  title: ReactNode;
  aside?: ReactNode;
  /** Something is going on in there. */
  busy?: boolean;
  opened?: () => void;
  children: ReactNode;
}

/** A line that opens: what led to the words below it, out of their way. */
export function Fold({ icon: Icon, title, aside, busy = false, opened, children }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <div className="my-2 text-sm" data-part>
      <button
        type="button"
        aria-expanded={open}
        onClick={() => {
          if (!open) opened?.();
          setOpen(!open);
        }}
        className="-ms-2 flex min-h-9 max-w-full items-center gap-2 rounded-md px-2 text-start text-muted transition-colors duration-100 hover:bg-tint hover:text-ink touch:min-h-11"
      >
        <Icon
          aria-hidden
          className={`size-4 flex-none ${busy ? "animate-[breathe_1.2s_ease-in-out_infinite] text-accent" : ""}`}
          strokeWidth={1.75}
        />
        <span className="min-w-0 truncate">{title}</span>
        {aside && <span className="flex-none text-xs tabular-nums">{aside}</span>}
        <ChevronRight
          aria-hidden
          className={`size-3.5 flex-none transition-transform duration-100 ${open ? "rotate-90" : ""}`}
        />
      </button>
      {open && <div className="mt-1 ms-[0.45rem] border-line border-s ps-4 text-muted">{children}</div>}
    </div>
  );
}
