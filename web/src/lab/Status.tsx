import type { LabRun } from "~/api/lab";
import { useAmounts } from "~/settings/money/amounts";
import { useLabWords } from "./words";

const dots: Record<LabRun["status"], string> = {
  waiting: "border border-control",
  running: "bg-accent animate-[breathe_1.6s_ease-in-out_infinite]",
  interrupted: "bg-control",
  failed: "bg-danger",
  done: "bg-positive",
};

/** How a run does, in a word. */
export function Status({ status }: { status: LabRun["status"] }) {
  const t = useLabWords().statuses;
  return (
    <span
      className={`inline-flex items-center gap-2 whitespace-nowrap text-sm ${status === "failed" ? "text-danger" : "text-muted"}`}
    >
      <span aria-hidden className={`size-2 rounded-full ${dots[status]}`} />
      {t[status]}
    </span>
  );
}

/** How far a run is, where its stage takes steps. */
export function Progress({ run: { id, progress } }: { run: Pick<LabRun, "id" | "progress"> }) {
  const t = useLabWords().runs;
  const amounts = useAmounts();
  if (!progress) return null;
  const part = progress.total > 0 ? Math.min(1, progress.done / progress.total) : 0;
  const said = t.steps(amounts.count(progress.done), amounts.count(progress.total));
  return (
    <div className="flex items-center gap-3">
      <div
        role="progressbar"
        aria-label={t.progress(id)}
        aria-valuemin={0}
        aria-valuemax={progress.total}
        aria-valuenow={Math.min(progress.done, progress.total)}
        aria-valuetext={said}
        className="h-1.5 min-w-0 flex-1 overflow-hidden rounded-full bg-tint-strong"
      >
        <div
          className="h-full rounded-full bg-accent transition-[width] duration-100"
          style={{ width: `${part * 100}%` }}
        />
      </div>
      <span aria-hidden className="flex-none text-muted text-xs tabular-nums">
        {said}
      </span>
    </div>
  );
}
