import { useState } from "react";
import { api } from "~/api/client";
import { explain } from "~/api/problems";
import { everyList, projectsQuery, queries } from "~/api/queries";
import type { Project } from "~/api/types";
import { useWords } from "~/i18n";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { Trouble } from "~/ui/Trouble";
import { useOrganiseWords } from "./words";

/** Asks what becomes of a project's conversations before the project is deleted. */
export function DeleteProject({
  project,
  done,
  close,
}: {
  project: Project;
  done: () => void;
  close: () => void;
}) {
  const t = useOrganiseWords();
  const all = useWords();
  const [along, setAlong] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      await api.deleteProject(project.id, along ? "delete" : "keep");
      queries.setQueryData(projectsQuery.queryKey, (known) => known?.filter(({ id }) => id !== project.id));
      queries.invalidateQueries(everyList);
      queries.invalidateQueries({ queryKey: ["conversation"] });
      done();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog
      label={t.deleting.title(project.name)}
      close={close}
      className="fixed inset-0 m-auto h-fit w-[min(28rem,calc(100vw-1.5rem))] rounded-lg bg-raised shadow-soft"
    >
      <div className="p-6">
        <h2 className="text-balance font-serif text-lg">{t.deleting.title(project.name)}</h2>
        <p className="mt-1 text-muted text-sm">{t.deleting.lead}</p>
        <fieldset className="mt-4 space-y-1">
          {[false, true].map((each) => (
            <label
              key={String(each)}
              className="flex min-h-11 items-start gap-3 rounded-sm px-2 py-2 hover:bg-tint"
            >
              <input
                type="radio"
                name="conversations"
                className="mt-1 accent-(--accent)"
                checked={along === each}
                onChange={() => setAlong(each)}
              />
              <span className="text-sm">
                {each ? t.deleting.along : t.deleting.keep}
                {!each && <span className="block text-muted text-xs">{t.deleting.keepHint}</span>}
              </span>
            </label>
          ))}
        </fieldset>
        {error !== null && <Trouble text={explain(error, all)} />}
        <div className="mt-5 flex justify-end gap-2">
          <Button look="quiet" onClick={close}>
            {t.form.cancel}
          </Button>
          <Button look="danger" onClick={submit} disabled={busy}>
            {t.deleting.submit}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
