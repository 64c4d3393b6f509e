import { Link } from "@tanstack/react-router";
import { ChevronRight, MoreHorizontal, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Project } from "~/api/types";
import { move } from "~/organise/acts";
import { ProjectMark } from "~/organise/ProjectMark";
import { selection } from "~/organise/selection";
import { useOrganiseWords } from "~/organise/words";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuItem } from "~/ui/Menu";
import { usePressed } from "~/ui/usePressed";
import { useDrop } from "./dragging";

interface Props {
  project: Project;
  open: boolean;
  current: boolean;
  toggle: () => void;
  chosen: () => void;
  edit: () => void;
  remove: () => void;
}

/** One project of the sidebar. Conversations are dropped on it. */
export function ProjectRow({ project, open, current, toggle, chosen, edit, remove }: Props) {
  const t = useOrganiseWords();
  const [menu, setMenu] = useState(false);
  const pressed = usePressed(() => setMenu(true));
  const { over, handlers } = useDrop((ids) => {
    selection.clear();
    move(ids, project);
  });
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: what is inside has the keys
    <div
      {...pressed}
      {...handlers}
      data-project={project.id}
      onContextMenu={(event) => {
        event.preventDefault();
        setMenu(true);
      }}
      className={`group relative flex h-full items-center rounded-sm transition-colors duration-100 [-webkit-touch-callout:none] hover:bg-tint has-[[data-state=open]]:bg-tint ${over ? "bg-accent-tint outline-2 outline-accent" : current ? "bg-tint-strong/70" : ""}`}
    >
      <button
        type="button"
        aria-expanded={open}
        aria-label={open ? t.collapse(project.name) : t.expand(project.name)}
        onClick={toggle}
        className="flex h-full w-8 flex-none items-center justify-center rounded-sm text-muted hover:text-ink touch:w-9"
      >
        <ChevronRight
          aria-hidden
          className={`size-3.5 transition-transform duration-100 ${open ? "rotate-90" : ""}`}
        />
      </button>
      <Link
        to="/p/$project"
        params={{ project: project.id }}
        onClick={chosen}
        aria-current={current ? "page" : undefined}
        draggable={false}
        className="flex h-full min-w-0 flex-1 select-none items-center gap-2 rounded-sm pe-9 text-sm"
      >
        <ProjectMark project={project} />
        <span dir="auto" className="truncate" title={project.name}>
          {project.name}
        </span>
      </Link>
      <div className="absolute end-0.5 opacity-0 focus-within:opacity-100 group-hover:opacity-100 has-[[data-state=open]]:opacity-100 touch:opacity-100">
        <Menu
          align="end"
          open={menu}
          onOpenChange={setMenu}
          trigger={<IconButton label={t.optionsOfProject(project.name)} icon={MoreHorizontal} small />}
        >
          <MenuItem icon={Pencil} onSelect={edit}>
            {t.page.edit}
          </MenuItem>
          <MenuItem icon={Trash2} danger onSelect={remove}>
            {t.deleting.menu}
          </MenuItem>
        </Menu>
      </div>
    </div>
  );
}
