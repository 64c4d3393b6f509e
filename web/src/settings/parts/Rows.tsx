import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

/** Things of one kind, one under the other. */
export function Rows({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul aria-label={label} className="divide-y divide-line border-line border-y">
      {children}
    </ul>
  );
}

interface Props {
  icon?: LucideIcon;
  title: ReactNode;
  /** Said beside the title: "This device", "Revoked". */
  mark?: ReactNode;
  /** Facts about it, on the line below. */
  facts?: readonly (ReactNode | false | null)[];
  action?: ReactNode;
  faded?: boolean;
}

/** One thing: what it is called, what is to be known of it, and what can be done with it. */
export function Row({ icon: Icon, title, mark, facts = [], action, faded = false }: Props) {
  const known = facts.filter((fact) => fact !== false && fact !== null);
  return (
    <li className={`flex items-center gap-3.5 py-3 ${faded ? "text-muted" : ""}`}>
      {Icon && (
        <span
          aria-hidden
          className="flex size-9 flex-none items-center justify-center self-start rounded-full bg-tint text-muted"
        >
          <Icon className="size-4" strokeWidth={1.75} />
        </span>
      )}
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2.5 gap-y-0.5 leading-snug">
          <span className="min-w-0 break-words font-medium">{title}</span>
          {mark}
        </p>
        {known.length > 0 && (
          <p className="mt-0.5 text-muted text-sm">
            {known.map((fact, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: facts have no order of their own to lose
              <span key={index}>
                {index > 0 && <span aria-hidden> · </span>}
                {fact}
              </span>
            ))}
          </p>
        )}
      </div>
      {action}
    </li>
  );
}

/** A word about the state of something. */
export function Mark({ children, look = "plain" }: { children: ReactNode; look?: "plain" | "good" | "bad" }) {
  const colour = { plain: "text-muted", good: "text-positive", bad: "text-danger" }[look];
  return (
    <span
      className={`inline-flex items-center gap-1.5 whitespace-nowrap rounded-full border border-line px-2 py-px text-xs ${colour}`}
    >
      {look === "good" && <span aria-hidden className="size-1.5 rounded-full bg-positive" />}
      {children}
    </span>
  );
}

/** Where there is nothing yet: what it is for, and one clear act. */
export function Empty({ title, text, action }: { title?: string; text: string; action?: ReactNode }) {
  return (
    <div className="rounded-md border border-line border-dashed px-6 py-8 text-center">
      {title && <p className="font-serif text-lg">{title}</p>}
      <p className="mx-auto max-w-sm text-pretty text-muted text-sm">{text}</p>
      {action && <div className="mt-4">{action}</div>}
    </div>
  );
}
