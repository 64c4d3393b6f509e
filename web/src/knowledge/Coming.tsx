import { RotateCw, X } from "lucide-react";
import { whyNot } from "~/files/problems";
import { useFileWords } from "~/files/words";
import { useWords } from "~/i18n";
import { IconButton } from "~/ui/IconButton";
import { Bar } from "./Bar";
import type { ComingFile } from "./useComing";

/** A file on its way, and what kept it from coming. */
export function Coming({
  coming: { source, progress, problem },
  again,
  drop,
}: {
  coming: ComingFile;
  again: () => void;
  drop: () => void;
}) {
  const t = useFileWords();
  const all = useWords();
  return (
    <li className="flex items-center gap-3 py-2">
      <div className="min-w-0 flex-1 ps-11">
        <p dir="auto" className="truncate text-sm">
          {source.name}
        </p>
        {problem ? (
          <p role="alert" className="text-danger text-xs">
            {whyNot(problem, t, all)}
          </p>
        ) : (
          <Bar value={progress} label={t.uploading(source.name, Math.round(progress * 100))} />
        )}
      </div>
      {problem ? (
        <>
          <IconButton label={t.retry} icon={RotateCw} small onClick={again} />
          <IconButton label={t.remove(source.name)} icon={X} small onClick={drop} />
        </>
      ) : null}
    </li>
  );
}
