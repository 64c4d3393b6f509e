import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";

/** What is there for who looks for it, folded away for the others. */
export function More({
  title,
  open = false,
  children,
}: {
  title: ReactNode;
  open?: boolean;
  children: ReactNode;
}) {
  return (
    <details open={open} className="group">
      <summary className="-mx-2 flex h-10 list-none items-center gap-1.5 rounded-sm px-2 font-medium text-sm hover:bg-tint touch:h-11">
        <ChevronRight
          aria-hidden
          className="size-4 text-muted transition-transform duration-100 group-open:rotate-90"
        />
        {title}
      </summary>
      {children}
    </details>
  );
}
