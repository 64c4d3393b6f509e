import type { ReactNode } from "react";

/** A page's name, what it is for, and its sections one below the other. */
export function Page({
  title,
  lead,
  action,
  children,
}: {
  title: string;
  lead?: ReactNode;
  /** The one thing that is most often wanted here. */
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <>
      <div className="flex flex-wrap items-start gap-x-6 gap-y-4">
        <div className="min-w-0 flex-[1_1_16rem]">
          <h1 className="text-balance break-words font-serif text-xl tracking-tight">{title}</h1>
          {lead && <div className="mt-1.5 text-pretty text-muted">{lead}</div>}
        </div>
        {action}
      </div>
      <div className="mt-8 space-y-10">{children}</div>
    </>
  );
}

/** One matter of a page, under a hairline. */
export function Section({
  title,
  lead,
  action,
  children,
}: {
  title: string;
  lead?: ReactNode;
  action?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <section aria-label={title} className="border-line border-t pt-6">
      <div className="flex flex-wrap items-start gap-x-6 gap-y-3">
        <div className="min-w-0 flex-[1_1_16rem]">
          <h2 className="font-medium text-base">{title}</h2>
          {lead && <p className="mt-0.5 text-pretty text-muted text-sm">{lead}</p>}
        </div>
        {action}
      </div>
      {children && <div className="mt-5">{children}</div>}
    </section>
  );
}
