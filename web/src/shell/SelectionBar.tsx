import { Archive, FolderInput, type LucideIcon, Pin, Trash2, X } from "lucide-react";
import { useEffect } from "react";
import { deleteConversations } from "~/deleting";
import { archive, pin } from "~/organise/acts";
import { selection, useSelection } from "~/organise/selection";
import { useOrganiseWords } from "~/organise/words";
import { IconButton } from "~/ui/IconButton";

interface Bulk {
  key: "pin" | "move" | "archive" | "delete";
  icon: LucideIcon;
  run: (ids: string[], moveTo: (ids: readonly string[]) => void) => void;
}

/** What can be done to many conversations at once. Another deed is another line. */
const deeds: readonly Bulk[] = [
  { key: "pin", icon: Pin, run: (ids) => pin(ids, true) },
  { key: "move", icon: FolderInput, run: (ids, moveTo) => moveTo(ids) },
  { key: "archive", icon: Archive, run: (ids) => archive(ids) },
  { key: "delete", icon: Trash2, run: (ids) => deleteConversations(ids, () => {}) },
];

/** How many conversations are selected, and what to do with them. */
export default function SelectionBar({
  moveTo,
  leave,
}: {
  moveTo: (ids: readonly string[]) => void;
  leave: (ids: readonly string[]) => void;
}) {
  const t = useOrganiseWords();
  const selected = useSelection();
  const some = selected.size > 0;
  useEffect(() => {
    if (!some) return;
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || document.querySelector("dialog.panel[open], [role=menu]")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      selection.clear();
    };
    window.addEventListener("keydown", pressed, true);
    return () => window.removeEventListener("keydown", pressed, true);
  }, [some]);
  if (!some) return null;
  return (
    <section
      aria-label={t.selection.label}
      className="flex flex-none items-center gap-0.5 border-line border-t bg-raised py-1 pe-1 ps-3"
    >
      <p role="status" className="me-auto truncate text-sm tabular-nums">
        {t.selection.count(selected.size)}
      </p>
      {deeds.map(({ key, icon, run }) => (
        <IconButton
          key={key}
          label={t.selection[key]}
          icon={icon}
          onClick={() => {
            const ids = [...selected];
            if (key !== "move") selection.clear();
            if (key === "delete" || key === "archive") leave(ids);
            run(ids, moveTo);
          }}
          small
        />
      ))}
      <IconButton label={t.selection.clear} icon={X} onClick={selection.clear} small />
    </section>
  );
}
