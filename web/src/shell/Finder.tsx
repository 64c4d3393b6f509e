import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import {
  Keyboard,
  Languages,
  LogOut,
  type LucideIcon,
  MessageCircle,
  Monitor,
  Moon,
  PanelLeft,
  Search,
  SquarePen,
  Sun,
} from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { conversationsQuery } from "~/api/queries";
import { useLeaving } from "~/deleting";
import { languages, useWords } from "~/i18n";
import { Dialog } from "~/ui/Dialog";
import { modifier, shift } from "./keys";
import { fold, score } from "./matching";
import { chooseLocale, chooseTheme, signOut } from "./settings";

interface Entry {
  id: string;
  group: "commands" | "conversations";
  title: string;
  icon: LucideIcon;
  keys?: string;
  run: () => void;
}

/** Titles looked through at most; beyond them it is a matter for the search of the whole text. */
const MOST_PAGES = 20;
const MOST_SHOWN = 40;

interface Props {
  close: () => void;
  toggleSidebar: () => void;
  showShortcuts: () => void;
}

/** Finds a conversation by its title, or a command by its name. */
export function Finder({ close, toggleSidebar, showShortcuts }: Props) {
  const t = useWords();
  const navigate = useNavigate();
  const list = useInfiniteQuery(conversationsQuery);
  const leaving = useLeaving();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const options = useRef<HTMLDivElement>(null);
  const listId = useId();

  const { hasNextPage, isFetchingNextPage, fetchNextPage, isError } = list;
  const pages = list.data?.pages.length ?? 0;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isError && pages < MOST_PAGES) fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isError, pages, fetchNextPage]);

  const conversations = useMemo<Entry[]>(
    () =>
      list.data?.pages
        .flatMap((page) => page.items)
        .filter((item) => !leaving.has(item.id))
        .map((item) => ({
          id: item.id,
          group: "conversations",
          title: item.title || t.sidebar.untitled,
          icon: MessageCircle,
          run: () => navigate({ to: "/c/$id", params: { id: item.id } }),
        })) ?? [],
    [list.data, leaving, navigate, t],
  );
  const commands = useMemo<Entry[]>(() => {
    const command = (id: string, title: string, icon: LucideIcon, run: () => void, keys?: string): Entry => ({
      id,
      group: "commands",
      title,
      icon,
      run,
      ...(keys ? { keys } : {}),
    });
    return [
      command("new", t.finder.newChat, SquarePen, () => navigate({ to: "/" }), `${modifier} ${shift} O`),
      command("sidebar", t.finder.sidebar, PanelLeft, toggleSidebar, `${modifier} ${shift} S`),
      command("light", t.finder.theme(t.account.light), Sun, () => chooseTheme("light")),
      command("dark", t.finder.theme(t.account.dark), Moon, () => chooseTheme("dark")),
      command("system", t.finder.theme(t.account.system), Monitor, () => chooseTheme("system")),
      command("en", t.finder.language(languages.en), Languages, () => chooseLocale("en")),
      command("fr", t.finder.language(languages.fr), Languages, () => chooseLocale("fr")),
      command("keys", t.finder.shortcuts, Keyboard, showShortcuts, "?"),
      command("out", t.finder.signOut, LogOut, signOut),
    ];
  }, [t, navigate, toggleSidebar, showShortcuts]);

  const found = useMemo(() => {
    const wanted = fold(text);
    if (wanted === "") return [...conversations.slice(0, 8), ...commands];
    const ranked = [...conversations, ...commands]
      .map((entry) => ({ entry, rank: score(fold(entry.title), wanted) }))
      .filter(({ rank }) => rank > 0)
      .sort((a, b) => b.rank - a.rank)
      .slice(0, MOST_SHOWN)
      .map(({ entry }) => entry);
    return [
      ...ranked.filter(({ group }) => group === "conversations"),
      ...ranked.filter(({ group }) => group === "commands"),
    ];
  }, [text, conversations, commands]);

  const current = Math.min(at, found.length - 1);
  useEffect(() => {
    options.current?.querySelector(`[data-index="${current}"]`)?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    entry.run();
  };
  const steer = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((current + step + found.length) % Math.max(1, found.length));
    } else if (event.key === "Home" && event.ctrlKey) setAt(0);
    else if (event.key === "Enter") {
      event.preventDefault();
      choose(found[current]);
    }
  };

  return (
    <Dialog
      label={t.finder.label}
      close={close}
      className="fixed inset-x-0 top-[min(14vh,8rem)] mx-auto w-[min(38rem,calc(100vw-1.5rem))] overflow-hidden rounded-lg bg-raised shadow-soft"
    >
      <div className="flex max-h-[min(70vh,32rem)] flex-col">
        <div className="flex items-center gap-3 border-line border-b px-4">
          <Search aria-hidden className="size-[1.125rem] flex-none text-muted" strokeWidth={1.75} />
          <input
            type="text"
            role="combobox"
            aria-expanded="true"
            aria-controls={listId}
            aria-activedescendant={found[current] ? `${listId}-${found[current].id}` : undefined}
            aria-autocomplete="list"
            aria-label={t.finder.label}
            placeholder={t.finder.placeholder}
            autoComplete="off"
            spellCheck={false}
            autoFocus
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setAt(0);
            }}
            onKeyDown={steer}
            className="h-13 min-w-0 flex-1 bg-transparent text-base outline-none placeholder:text-muted"
          />
        </div>
        <div
          ref={options}
          id={listId}
          role="listbox"
          aria-label={t.finder.label}
          className="overflow-y-auto overscroll-contain p-1.5"
        >
          {found.map((entry, index) => (
            <div key={entry.id} role="presentation">
              {entry.group !== found[index - 1]?.group && (
                <div role="presentation" className="px-2.5 pt-2 pb-1 text-muted text-xs">
                  {entry.group === "commands" ? t.finder.commands : t.finder.conversations}
                </div>
              )}
              {/* biome-ignore lint/a11y/useKeyWithClickEvents: the input above has the keys */}
              <div
                role="option"
                id={`${listId}-${entry.id}`}
                data-index={index}
                tabIndex={-1}
                aria-selected={index === current}
                onClick={() => choose(entry)}
                onPointerMove={() => setAt(index)}
                className="flex min-h-10 items-center gap-3 rounded-sm px-2.5 text-sm aria-selected:bg-tint touch:min-h-11"
              >
                <entry.icon aria-hidden className="size-4 flex-none text-muted" strokeWidth={1.75} />
                <span className="truncate">{entry.title}</span>
                {entry.keys && <kbd className="ml-auto font-sans text-muted text-xs">{entry.keys}</kbd>}
              </div>
            </div>
          ))}
        </div>
        <p role="status" className={found.length === 0 ? "px-4 pb-5 text-muted text-sm" : "sr-only"}>
          {found.length === 0 ? t.finder.nothing : text && t.finder.results(found.length)}
        </p>
      </div>
    </Dialog>
  );
}
