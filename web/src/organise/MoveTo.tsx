import { useQuery } from "@tanstack/react-query";
import { FolderMinus, Plus, X } from "lucide-react";
import { useState } from "react";
import { projectsQuery } from "~/api/queries";
import { useLocale, useWords } from "~/i18n";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { move } from "./acts";
import { ProjectForm } from "./ProjectForm";
import { ProjectMark } from "./ProjectMark";
import { inOrder } from "./projects";
import { selection } from "./selection";
import { useOrganiseWords } from "./words";

const row =
  "flex min-h-10 w-full items-center gap-3 rounded-sm px-3 text-start text-sm transition-colors duration-100 hover:bg-tint touch:min-h-11";

/** Asks into which project conversations go. */
export function MoveTo({ ids, close }: { ids: readonly string[]; close: () => void }) {
  const t = useOrganiseWords();
  const all = useWords();
  const locale = useLocale();
  const { data, error, refetch } = useQuery(projectsQuery);
  const [making, setMaking] = useState(false);
  const done = () => {
    selection.clear();
    close();
  };
  if (making)
    return (
      <ProjectForm
        project={null}
        close={close}
        done={(project) => {
          done();
          move(ids, project);
        }}
      />
    );
  return (
    <Dialog
      label={t.moveTo.title}
      close={close}
      className="fixed inset-x-0 top-[min(14vh,8rem)] mx-auto w-[min(24rem,calc(100vw-1.5rem))] rounded-lg bg-raised shadow-soft max-sm:top-auto max-sm:bottom-3"
    >
      <div className="p-3">
        <header className="flex items-center ps-3">
          <h2 className="me-auto font-serif text-lg">{t.moveTo.title}</h2>
          <IconButton label={t.moveTo.close} icon={X} onClick={close} small />
        </header>
        {error && <Trouble text={all.problem.unknown} retry={() => refetch()} />}
        <ul className="mt-2 max-h-[min(50vh,22rem)] overflow-y-auto overscroll-contain">
          {data?.length === 0 && <li className="px-3 py-2 text-muted text-sm">{t.moveTo.empty}</li>}
          {inOrder(data ?? [], locale).map((project) => (
            <li key={project.id}>
              <button
                type="button"
                className={row}
                onClick={() => {
                  done();
                  move(ids, project);
                }}
              >
                <ProjectMark project={project} />
                <span className="truncate">{project.name}</span>
              </button>
            </li>
          ))}
        </ul>
        <div className="mt-2 border-line border-t pt-2">
          <button
            type="button"
            className={row}
            onClick={() => {
              done();
              move(ids, null);
            }}
          >
            <FolderMinus aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
            {t.moveTo.none}
          </button>
          <button type="button" className={row} onClick={() => setMaking(true)}>
            <Plus aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
            {t.newProject}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
