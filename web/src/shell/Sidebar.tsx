import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { MoreHorizontal, PanelLeft, Pencil, Search, SquarePen, Trash2 } from "lucide-react";
import { memo, useMemo, useRef, useState } from "react";
import { api } from "~/api/client";
import { changeConversation, conversationsQuery } from "~/api/queries";
import type { Conversation } from "~/api/types";
import { deleteConversation, useLeaving } from "~/deleting";
import { useLocale, useNow, useWords } from "~/i18n";
import { notify } from "~/notices";
import { IconButton } from "~/ui/IconButton";
import { Logo } from "~/ui/Logo";
import { Menu, MenuItem } from "~/ui/Menu";
import { Trouble } from "~/ui/Trouble";
import { AccountMenu } from "./AccountMenu";
import { byDate } from "./dates";
import { modifier } from "./keys";

interface Props {
  hide: () => void;
  /** Called when something was chosen: on a phone the sheet then goes. */
  chosen: () => void;
  find: () => void;
  showShortcuts: () => void;
}

/** The conversations, and the reader's own account. */
export function Sidebar({ hide, chosen, find, showShortcuts }: Props) {
  const t = useWords();
  return (
    <div className="flex h-full flex-col bg-sunken pt-[env(safe-area-inset-top)] pl-[env(safe-area-inset-left)]">
      <div className="flex h-14 flex-none items-center gap-1 pr-2 pl-4">
        <Link to="/" onClick={chosen} className="mr-auto flex items-center gap-2 rounded-sm">
          <Logo />
          <span className="font-semibold font-serif text-[1.1875rem] tracking-tight">{t.app.name}</span>
        </Link>
        <IconButton label={t.sidebar.close} icon={PanelLeft} onClick={hide} />
      </div>
      <div className="flex-none space-y-0.5 px-2 pb-2">
        <Link to="/" onClick={chosen} className={entry}>
          <SquarePen aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {t.sidebar.newChat}
        </Link>
        <button type="button" onClick={find} className={entry}>
          <Search aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {t.sidebar.search}
          <kbd className="ml-auto font-sans text-muted text-xs touch:hidden">{modifier} K</kbd>
        </button>
      </div>
      <nav
        aria-label={t.sidebar.label}
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-2 pb-4"
      >
        <Conversations chosen={chosen} />
      </nav>
      <div className="flex-none border-line border-t p-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]">
        <AccountMenu showShortcuts={showShortcuts} />
      </div>
    </div>
  );
}

const entry =
  "flex h-9 w-full items-center gap-2.5 rounded-sm px-2.5 text-start text-sm transition-colors duration-100 hover:bg-tint touch:h-11";

function Conversations({ chosen }: { chosen: () => void }) {
  const t = useWords();
  const locale = useLocale();
  const now = useNow();
  const leaving = useLeaving();
  const { id: shown } = useParams({ strict: false });
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } =
    useInfiniteQuery(conversationsQuery);
  const groups = useMemo(() => {
    const items = data?.pages.flatMap((page) => page.items) ?? [];
    return byDate(
      items.filter((item) => !leaving.has(item.id)),
      now,
      locale,
      t,
    );
  }, [data, leaving, now, locale, t]);

  if (isPending)
    return (
      <div role="status" className="late space-y-3 px-2.5 pt-4">
        <span className="sr-only">{t.app.loading}</span>
        {["w-4/5", "w-3/5", "w-11/12", "w-2/3"].map((width) => (
          <div key={width} className={`skeleton h-4 ${width}`} />
        ))}
      </div>
    );
  if (error && !data) return <Trouble text={t.sidebar.failed} retry={() => refetch()} />;
  if (groups.length === 0) return <p className="px-2.5 pt-3 text-muted text-sm">{t.sidebar.empty}</p>;
  return (
    <>
      {groups.map((group) => (
        <section key={group.key} aria-labelledby={`group-${group.key}`}>
          <h2 id={`group-${group.key}`} className="px-2.5 pt-4 pb-1 font-medium text-muted text-xs">
            {group.label}
          </h2>
          <ul>
            {group.items.map((conversation) => (
              <Item
                key={conversation.id}
                conversation={conversation}
                current={conversation.id === shown}
                chosen={chosen}
              />
            ))}
          </ul>
        </section>
      ))}
      {hasNextPage && (
        <button
          type="button"
          onClick={() => fetchNextPage()}
          disabled={isFetchingNextPage}
          className={`${entry} mt-2 text-muted`}
        >
          {t.sidebar.more}
        </button>
      )}
    </>
  );
}

const Item = memo(function Item({
  conversation,
  current,
  chosen,
}: {
  conversation: Conversation;
  current: boolean;
  chosen: () => void;
}) {
  const t = useWords();
  const navigate = useNavigate();
  const [renaming, setRenaming] = useState(false);
  const title = conversation.title || t.sidebar.untitled;
  const open = () => navigate({ to: "/c/$id", params: { id: conversation.id } });

  if (renaming) return <Renaming conversation={conversation} done={() => setRenaming(false)} />;
  return (
    <li
      className={`group relative flex items-center rounded-sm transition-colors duration-100 hover:bg-tint has-[[data-state=open]]:bg-tint ${current ? "bg-tint-strong/70" : ""}`}
    >
      <Link
        to="/c/$id"
        params={{ id: conversation.id }}
        onClick={chosen}
        onDoubleClick={() => setRenaming(true)}
        aria-current={current ? "page" : undefined}
        className="flex h-9 min-w-0 flex-1 items-center rounded-sm pr-9 pl-2.5 text-sm touch:h-11"
      >
        <span className="truncate" title={title}>
          {title}
        </span>
        {conversation.active_generation_id && (
          <span className="ml-2 size-1.5 flex-none animate-[breathe_1.2s_ease-in-out_infinite] rounded-full bg-accent">
            <span className="sr-only">{t.sidebar.replying}</span>
          </span>
        )}
      </Link>
      <div className="absolute right-0.5 opacity-0 focus-within:opacity-100 group-hover:opacity-100 has-[[data-state=open]]:opacity-100 touch:opacity-100">
        <Menu
          align="end"
          trigger={<IconButton label={t.sidebar.options(title)} icon={MoreHorizontal} small />}
        >
          <MenuItem icon={Pencil} onSelect={() => setRenaming(true)}>
            {t.sidebar.rename}
          </MenuItem>
          <MenuItem
            icon={Trash2}
            danger
            onSelect={() => {
              deleteConversation(conversation.id, current ? open : () => {});
              if (current) navigate({ to: "/" });
            }}
          >
            {t.sidebar.delete}
          </MenuItem>
        </Menu>
      </div>
    </li>
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
    <li>
      <input
        aria-label={t.sidebar.renaming}
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
        className="h-9 w-full rounded-sm border border-control bg-raised px-[0.5625rem] text-sm outline-none touch:h-11"
      />
    </li>
  );
}
