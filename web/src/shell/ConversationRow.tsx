import { Link, useNavigate } from "@tanstack/react-router";
import {
  Archive,
  Check,
  ClipboardCopy,
  CopyPlus,
  Download,
  FolderInput,
  MoreHorizontal,
  Pencil,
  Pin,
  PinOff,
  Share,
  SquareCheck,
  TextSearch,
  Trash2,
} from "lucide-react";
import { type MouseEvent, memo, useRef, useState } from "react";
import { useUnseen } from "~/alerts/unseen";
import { api } from "~/api/client";
import { changeConversation } from "~/api/queries";
import type { Conversation } from "~/api/types";
import { deleteConversations } from "~/deleting";
import { openFind } from "~/find/opening";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { archive, copyConversation, duplicate, pin } from "~/organise/acts";
import { selection } from "~/organise/selection";
import { useOrganiseWords } from "~/organise/words";
import { openSharing } from "~/sharing/opening";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuItem, MenuRule } from "~/ui/Menu";
import { usePressed } from "~/ui/usePressed";
import { drag } from "./dragging";

interface Props {
  conversation: Conversation;
  current: boolean;
  inside: boolean;
  /** Whether it is selected; null while nothing is being selected. */
  selected: boolean | null;
  chosen: () => void;
  moveTo: (ids: readonly string[]) => void;
  /** The ids of the conversations shown, from top to bottom. */
  shown: () => readonly string[];
}

/** One conversation of the sidebar, with all that can be done to it. */
export const ConversationRow = memo(function ConversationRow({
  conversation,
  current,
  inside,
  selected,
  chosen,
  moveTo,
  shown,
}: Props) {
  const t = useWords();
  const o = useOrganiseWords();
  const navigate = useNavigate();
  const [renaming, setRenaming] = useState(false);
  const [menu, setMenu] = useState(false);
  const pressed = usePressed(() => setMenu(true));
  const { id } = conversation;
  const unseen = useUnseen(id);
  const title = conversation.title || t.sidebar.untitled;
  const open = (to = id) => navigate({ to: "/c/$id", params: { id: to } });
  const leave = () => {
    if (current) navigate({ to: "/" });
  };
  const remove = () => {
    deleteConversations([id], current ? () => open() : () => {});
    leave();
  };
  const clicked = (event: MouseEvent) => {
    if (event.shiftKey) selection.extend(id, shown());
    else if (event.metaKey || event.ctrlKey || selected !== null) selection.toggle(id);
    else return chosen();
    event.preventDefault();
  };

  if (renaming) return <Renaming conversation={conversation} done={() => setRenaming(false)} />;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the link inside has the keys, and the menu its own button
    <div
      {...pressed}
      draggable
      onDragStart={(event) => drag(event, selected ? [...selection.get()] : [id])}
      onContextMenu={(event) => {
        event.preventDefault();
        setMenu(true);
      }}
      className={`group relative flex h-full items-center rounded-sm transition-colors duration-100 [-webkit-touch-callout:none] hover:bg-tint has-[[data-state=open]]:bg-tint ${selected ? "bg-accent-tint" : current ? "bg-tint-strong/70" : ""}`}
    >
      <Link
        to="/c/$id"
        params={{ id }}
        onClick={clicked}
        onDoubleClick={() => selected === null && setRenaming(true)}
        onKeyDown={(event) => {
          if (event.key === "F2") setRenaming(true);
          else if (event.key === "Delete") remove();
          else if (event.key === " ") selection.toggle(id);
          else return;
          event.preventDefault();
        }}
        aria-current={current ? "page" : undefined}
        draggable={false}
        className={`flex h-full min-w-0 flex-1 select-none items-center rounded-sm pe-9 text-sm ${inside ? "ps-9" : "ps-2.5"}`}
      >
        {selected !== null && (
          <span
            aria-hidden
            data-selected={selected}
            className={`me-2 flex size-4 flex-none items-center justify-center rounded-[5px] border ${selected ? "border-accent bg-accent text-on-accent" : "border-control"}`}
          >
            {selected && <Check className="size-3" strokeWidth={3} />}
          </span>
        )}
        {selected && <span className="sr-only">{o.selection.chosen}</span>}
        <span dir="auto" className="truncate" title={title}>
          {title}
        </span>
        {conversation.active_generation_id && (
          <span className="ms-2 size-1.5 flex-none animate-[breathe_1.2s_ease-in-out_infinite] rounded-full bg-accent">
            <span className="sr-only">{t.sidebar.replying}</span>
          </span>
        )}
        {unseen && !conversation.active_generation_id && (
          <span className="ms-2 size-1.5 flex-none rounded-full bg-accent">
            <span className="sr-only">{t.sidebar.unseen}</span>
          </span>
        )}
      </Link>
      {selected === null && (
        <div className="absolute end-0.5 opacity-0 focus-within:opacity-100 group-hover:opacity-100 has-[[data-state=open]]:opacity-100 touch:opacity-100">
          <Menu
            align="end"
            open={menu}
            onOpenChange={setMenu}
            trigger={<IconButton label={t.sidebar.options(title)} icon={MoreHorizontal} small />}
          >
            <MenuItem
              icon={conversation.pinned ? PinOff : Pin}
              onSelect={() => pin([id], !conversation.pinned)}
            >
              {conversation.pinned ? o.unpin : o.pin}
            </MenuItem>
            <MenuItem icon={Pencil} onSelect={() => setRenaming(true)}>
              {t.sidebar.rename}
            </MenuItem>
            <MenuItem icon={FolderInput} onSelect={() => moveTo([id])}>
              {o.move}
            </MenuItem>
            <MenuItem icon={SquareCheck} onSelect={() => selection.toggle(id)}>
              {o.select}
            </MenuItem>
            <MenuRule />
            <MenuItem
              icon={TextSearch}
              onSelect={() => {
                chosen();
                if (!current) open();
                openFind(id);
              }}
            >
              {o.find}
            </MenuItem>
            <MenuItem
              icon={CopyPlus}
              onSelect={async () => {
                const copy = await duplicate(id);
                if (copy) open(copy.id);
              }}
            >
              {o.duplicate}
            </MenuItem>
            <MenuItem icon={ClipboardCopy} onSelect={() => copyConversation(id)}>
              {o.copyMarkdown}
            </MenuItem>
            <MenuItem icon={Share} onSelect={() => openSharing({ what: "share", conversation: id })}>
              {o.share}
            </MenuItem>
            <MenuItem icon={Download} onSelect={() => openSharing({ what: "export", conversation: id })}>
              {o.download}
            </MenuItem>
            <MenuRule />
            <MenuItem
              icon={Archive}
              onSelect={() => {
                archive([id]);
                leave();
              }}
            >
              {o.archive}
            </MenuItem>
            <MenuItem icon={Trash2} danger onSelect={remove}>
              {t.sidebar.delete}
            </MenuItem>
          </Menu>
        </div>
      )}
    </div>
  );
});

function Renaming({ conversation, done }: { conversation: Conversation; done: () => void }) {
  const t = useWords();
  const settled = useRef(false);
  const finish = async (title: string | null) => {
    if (settled.current) return;
    settled.current = true;
    done();
    const before = conversation.title;
    if (title === null || title === "" || title === before) return;
    changeConversation(conversation.id, { title });
    try {
      await api.changeConversation(conversation.id, { title });
    } catch {
      changeConversation(conversation.id, { title: before });
      notify(t.sidebar.renameFailed);
    }
  };
  return (
    <input
      aria-label={t.sidebar.renaming}
      dir="auto"
      defaultValue={conversation.title}
      maxLength={200}
      ref={(input) => {
        // The menu that opened this gives its focus back first.
        requestAnimationFrame(() => input?.select());
      }}
      onBlur={(event) => finish(event.target.value.trim())}
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return;
        if (event.key === "Enter") finish(event.currentTarget.value.trim());
        if (event.key === "Escape") {
          event.stopPropagation();
          finish(null);
        }
      }}
      className="h-full w-full rounded-sm border border-control bg-raised px-[0.5625rem] text-sm outline-none"
    />
  );
}
