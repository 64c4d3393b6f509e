import { useNavigate } from "@tanstack/react-router";
import { Copy, MoreHorizontal, Pencil, Star, StarOff, Trash2 } from "lucide-react";
import { useState } from "react";
import { useUser } from "~/account/useUser";
import { notify } from "~/notices";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuItem } from "~/ui/Menu";
import { deleteAssistant, duplicateAssistant, featureAssistant, type Summary } from "./queries";
import { useAssistantWords } from "./words";

/** What can be done with an assistant, for whose it is and whom it is shared with. */
export function AssistantMenu({ assistant, gone }: { assistant: Summary; gone?: () => void }) {
  const t = useAssistantWords();
  const navigate = useNavigate();
  const user = useUser();
  const [deleting, setDeleting] = useState(false);
  const tried = async (act: () => Promise<unknown>, done?: string) => {
    try {
      await act();
      if (done) notify(done);
    } catch {
      notify(t.actFailed);
    }
  };
  return (
    <>
      <Menu
        align="end"
        trigger={<IconButton label={t.options(assistant.name)} icon={MoreHorizontal} small />}
      >
        {assistant.mine && (
          <MenuItem
            icon={Pencil}
            onSelect={() => navigate({ to: "/assistants/$edit", params: { edit: assistant.id } })}
          >
            {t.edit}
          </MenuItem>
        )}
        <MenuItem
          icon={Copy}
          onSelect={() =>
            tried(async () => {
              const { id } = await duplicateAssistant(assistant.id);
              navigate({ to: "/assistants/$edit", params: { edit: id } });
            }, t.duplicated)
          }
        >
          {t.duplicate}
        </MenuItem>
        {user?.role === "owner" && assistant.sharing === "everybody" && (
          <MenuItem
            icon={assistant.featured ? StarOff : Star}
            onSelect={() => tried(() => featureAssistant(assistant.id, !assistant.featured))}
          >
            {assistant.featured ? t.unfeature : t.feature}
          </MenuItem>
        )}
        {assistant.mine && (
          <MenuItem icon={Trash2} danger onSelect={() => setDeleting(true)}>
            {t.delete}
          </MenuItem>
        )}
      </Menu>
      {deleting && (
        <Dialog
          label={t.deleteTitle(assistant.name)}
          close={() => setDeleting(false)}
          className="fixed inset-0 m-auto h-fit w-[min(27rem,calc(100vw-2rem))] rounded-lg bg-raised p-6 shadow-soft"
        >
          <h2 className="text-balance break-words font-serif text-lg">{t.deleteTitle(assistant.name)}</h2>
          <p className="mt-1 text-pretty text-muted text-sm">{t.deleteLead}</p>
          <div className="mt-6 flex justify-end gap-2">
            <Button look="quiet" data-begin onClick={() => setDeleting(false)}>
              {t.cancel}
            </Button>
            <Button
              look="danger"
              onClick={() => {
                setDeleting(false);
                tried(async () => {
                  await deleteAssistant(assistant.id);
                  gone?.();
                }, t.deleted);
              }}
            >
              {t.delete}
            </Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
