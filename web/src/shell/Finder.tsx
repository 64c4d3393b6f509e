import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import {
  ChevronDown,
  type LucideIcon,
  MessageCircle,
  RotateCw,
  Search as SearchIcon,
  TextQuote,
  X,
} from "lucide-react";
import { type KeyboardEvent, useCallback, useEffect, useId, useMemo, useRef, useState } from "react";
import { conversationsQuery } from "~/api/queries";
import { useLeaving } from "~/deleting";
import { useLocale, useWords } from "~/i18n";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { useCommands } from "./commands";
import { type Entry, FinderOption } from "./FinderOption";
import { fold, score } from "./matching";
import { type Search, useSearch } from "./search";

/** Titles looked through here at most; the server looks through all of them. */
const MOST_PAGES = 20;
/** Of what is matched here, so that messages are seen without scrolling. */
const MOST_CONVERSATIONS = 6;
const MOST_COMMANDS = 5;

interface Props {
  close: () => void;
  toggleSidebar: () => void;
  showShortcuts: () => void;
}

/** Finds conversations by their titles and commands by their names at once, then messages by their words. */
export function Finder({ close, toggleSidebar, showShortcuts }: Props) {
  const t = useWords();
  const locale = useLocale();
  const navigate = useNavigate();
  const list = useInfiniteQuery(conversationsQuery);
  const leaving = useLeaving();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const search = useSearch(text);
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
  const known = useCommands({ toggleSidebar, showShortcuts });
  const commands = useMemo(() => known.map((command): Entry => ({ ...command, group: "commands" })), [known]);

  const near = useMemo(() => {
    const wanted = fold(text);
    if (wanted === "") return { conversations: conversations.slice(0, 8), commands };
    const best = (entries: Entry[], most: number) =>
      entries
        .map((entry) => ({ entry, rank: score(fold(String(entry.title)), wanted) }))
        .filter(({ rank }) => rank > 0)
        .sort((a, b) => b.rank - a.rank)
        .slice(0, most)
        .map(({ entry }) => entry);
    return {
      conversations: best(conversations, MOST_CONVERSATIONS),
      commands: best(commands, MOST_COMMANDS),
    };
  }, [text, conversations, commands]);

  const { found: hits, more, failed, again } = search;
  const found = useMemo(() => {
    const known = new Set(near.conversations.map(({ id }) => id));
    const go = (id: string, message?: string) => () =>
      navigate({ to: "/c/$id", params: { id }, search: message ? { message } : {} });
    const there = hits.filter(({ conversation_id }) => !leaving.has(conversation_id));
    const titles = there
      .filter(({ conversation_id, hit }) => !hit && !known.has(conversation_id))
      .map(({ conversation_id: id, title }): Entry => {
        return { id, group: "conversations", title, icon: MessageCircle, run: go(id) };
      });
    const messages = there.flatMap(({ conversation_id, title, hit, matches }): Entry[] => {
      if (!hit) return [];
      const detail = {
        who: hit.role === "user" ? t.finder.you : t.finder.assistant,
        snippet: hit.snippet,
        further: matches > 1 ? t.finder.further(matches - 1) : "",
        at: hit.created_at,
      };
      const run = go(conversation_id, hit.id);
      return [{ id: hit.id, group: "messages", title, icon: TextQuote, detail, run }];
    });
    const acts: Entry[] = [];
    const act = (id: string, title: string, icon: LucideIcon, run: () => void) =>
      acts.push({ id, group: "messages", title, icon, stays: true, run });
    if (more) act("more", t.finder.more, ChevronDown, more);
    if (failed) act("again", t.finder.again, RotateCw, again);
    return [...near.conversations, ...titles, ...messages, ...acts, ...near.commands];
  }, [near, hits, more, failed, again, leaving, navigate, t]);

  const current = Math.min(at, found.length - 1);
  useEffect(() => {
    options.current?.querySelector(`[data-index="${current}"]`)?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const choose = useCallback(
    (entry: Entry | undefined) => {
      if (!entry) return;
      if (!entry.stays) close();
      entry.run();
    },
    [close],
  );
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
      className="fixed inset-x-0 mx-auto overflow-hidden bg-raised shadow-soft max-md:inset-y-0 max-md:h-dvh max-md:w-full md:top-[min(12vh,7rem)] md:w-[min(42rem,calc(100vw-1.5rem))] md:rounded-lg"
    >
      <div className="flex h-full flex-col pb-[env(safe-area-inset-bottom)] md:max-h-[min(74vh,38rem)]">
        <div className="flex flex-none items-center gap-3 border-line border-b pe-2 ps-4 pt-[env(safe-area-inset-top)]">
          <SearchIcon aria-hidden className="size-[1.125rem] flex-none text-muted" strokeWidth={1.75} />
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
          <IconButton label={t.finder.close} icon={X} onClick={close} small />
        </div>
        <Said text={text} count={found.length} search={search} />
        <div
          ref={options}
          id={listId}
          role="listbox"
          aria-label={t.finder.label}
          className="min-h-0 flex-1 overflow-y-auto overscroll-contain p-1.5"
        >
          {found.map((entry, index) => (
            <div key={entry.id} role="presentation">
              {entry.group !== found[index - 1]?.group && (
                <div role="presentation" className="px-2.5 pt-2 pb-1 text-muted text-xs">
                  {t.finder[entry.group]}
                </div>
              )}
              <FinderOption
                entry={entry}
                id={`${listId}-${entry.id}`}
                index={index}
                current={index === current}
                choose={choose}
                point={setAt}
              />
            </div>
          ))}
          {search.searching && hits.length === 0 && <Searching />}
        </div>
        {text === "" && (
          <p className="flex-none border-line border-t px-4 py-2.5 text-muted text-xs">{t.finder.hint}</p>
        )}
        {search.remaining > 0 && (
          <p className="flex-none border-line border-t px-4 py-2.5 text-muted text-xs">
            {t.finder.remaining(search.remaining.toLocaleString(locale))}
          </p>
        )}
      </div>
    </Dialog>
  );
}

/** What there is to say about the results: to everybody where something is missing, else to whoever listens. */
function Said({ text, count, search }: { text: string; count: number; search: Search }) {
  const t = useWords();
  const asked = text.trim() !== "";
  let said = "";
  if (asked && search.failed) said = t.finder.failed;
  else if (asked && search.offline) said = t.finder.offline;
  else if (search.searching) said = t.finder.searching;
  else if (count === 0) said = t.finder.nothing;
  else if (asked) said = t.finder.results(count);
  const seen = asked && (search.failed || search.offline || (count === 0 && !search.searching));
  return (
    <p role="status" className={seen ? "flex-none px-4 py-3 text-muted text-sm" : "sr-only"}>
      {said}
    </p>
  );
}

/** Messages on their way. */
function Searching() {
  return (
    <div aria-hidden className="late space-y-4 px-2.5 py-3">
      {["w-2/5", "w-1/3"].map((width) => (
        <div key={width} className="space-y-2">
          <div className={`skeleton h-3.5 ${width}`} />
          <div className="skeleton h-3 w-11/12" />
        </div>
      ))}
    </div>
  );
}
