import { useWords } from "~/i18n";

const widths = ["w-1/2", "w-full", "w-5/6", "w-2/3"];

/** What stands where a page or a list will be, once waiting for it can be noticed. */
export function Waiting({ rows = widths.length }: { rows?: number }) {
  const t = useWords();
  return (
    <div role="status" className="late space-y-3 py-2">
      <span className="sr-only">{t.app.loading}</span>
      {widths.slice(0, rows).map((width) => (
        <div key={width} className={`skeleton h-5 ${width}`} />
      ))}
    </div>
  );
}
