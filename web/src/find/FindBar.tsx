import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronUp, RotateCw, Search, X } from "lucide-react";
import { type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";
import { call, id as encoded } from "~/api/client";
import { useConnection } from "~/api/connection";
import { threadQuery } from "~/api/queries";
import type { MatchesList } from "~/api/types";
import { useConversation } from "~/chat/context";
import { useLocale } from "~/i18n";
import { modifier } from "~/shell/keys";
import { IconButton } from "~/ui/IconButton";
import { closeFind, type Finding } from "./opening";
import { asLookedFor, placesIn } from "./places";
import { useHighlights } from "./useHighlights";
import { useFindWords } from "./words";

/** Who types faster than this is not asked for yet, in milliseconds. */
const PAUSE_MS = 160;
const LONGEST = 200;

/** One of the places that have what is looked for: the message, and which of those in it. */
interface Match {
  message: string;
  nth: number;
}

const viewport = () => document.querySelector<HTMLElement>("[data-viewport]");

/** The first message that is in sight. */
function inSight(): string | undefined {
  const top = viewport()?.getBoundingClientRect().top ?? 0;
  const drawn = [...document.querySelectorAll<HTMLElement>("[data-viewport] [data-message-id]")];
  return drawn.find((element) => element.getBoundingClientRect().bottom > top)?.dataset.messageId;
}

/** What the server finds in the branch that is shown, asked anew when that has become another. */
function useMatches(conversation: string, text: string) {
  const offline = useConnection() !== "ok";
  const branch = useQuery({
    ...threadQuery(conversation),
    enabled: false,
    select: ({ end, conversation }) => `${end} ${conversation.active_generation_id}`,
  });
  const asked = asLookedFor(text).trim() !== "";
  const query = useQuery({
    queryKey: ["matches", conversation, text, branch.data],
    queryFn: async ({ signal }) => {
      const path = `/api/conversations/${encoded(conversation)}/matches?q=${encoded(text)}`;
      const { items } = await call<MatchesList>("GET", path, undefined, { signal });
      const places = items.flatMap(({ message_id: message, count }) =>
        Array.from({ length: count }, (_, nth): Match => ({ message, nth })),
      );
      return { text, places };
    },
    enabled: asked && !offline,
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 60_000,
  });
  return { query, asked, offline };
}

/** Finds a text in the whole of the conversation that is shown, fetched or not, and goes from place to place. */
export default function FindBar({ finding }: { finding: Finding }) {
  const t = useFindWords();
  const locale = useLocale();
  const { jump } = useConversation();
  const { conversation } = finding;
  const [typed, setTyped] = useState("");
  const [text, setText] = useState("");
  const [at, setAt] = useState<Match | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const before = useRef<Element | null>(null);
  const { query, asked, offline } = useMatches(conversation, text);
  const wanted = asLookedFor(typed);
  const settled = typed === text && query.data?.text === text && !query.isError;
  const places = asked && settled ? query.data?.places : undefined;
  const place = places?.findIndex(({ message, nth }) => message === at?.message && nth === at.nth) ?? -1;
  useHighlights(wanted, at);

  useEffect(() => {
    const timer = setTimeout(() => setText(typed), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: asked for again, it takes its reader there again
  useEffect(() => {
    before.current ??= document.activeElement;
    // A menu or a sheet that was open gives its focus back first.
    const frame = requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.select();
    });
    return () => cancelAnimationFrame(frame);
  }, [finding]);

  const go = useCallback(
    (match: Match) => {
      setAt(match);
      jump(match.message, (element) => {
        const found = placesIn(element, wanted);
        return found[Math.min(match.nth, found.length - 1)] ?? null;
      });
    },
    [jump, wanted],
  );

  // What was just found is shown from where the reader is.
  const shown = useRef("");
  useEffect(() => {
    if (!places || shown.current === text) return;
    shown.current = text;
    const from = at?.message ?? inSight() ?? "";
    const first = places.find(({ message }) => message >= from) ?? places.at(-1);
    if (first) go(first);
    else setAt(null);
  }, [places, text, at, go]);

  const step = useCallback(
    (by: 1 | -1) => {
      if (!places || places.length === 0) return;
      const next = places[place < 0 ? 0 : (place + by + places.length) % places.length];
      if (next) go(next);
    },
    [places, place, go],
  );

  useEffect(() => {
    const pressed = (event: globalThis.KeyboardEvent) => {
      const command = modifier === "⌘" ? event.metaKey : event.ctrlKey;
      if (event.key !== "F3" && !(command && event.key.toLowerCase() === "g")) return;
      event.preventDefault();
      step(event.shiftKey ? -1 : 1);
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [step]);

  const close = () => {
    closeFind(conversation);
    const back = before.current;
    const focus =
      back instanceof HTMLElement && back.isConnected && back !== document.body ? back : viewport();
    focus?.focus({ preventScroll: true });
  };
  const steer = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && event.target === field.current) step(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  };

  const failed = asked && query.isError && !query.isFetching && typed === text;
  let said = "";
  if (wanted.trim() === "") said = "";
  else if (offline) said = t.offline;
  else if (failed) said = t.failed;
  else if (!places) said = t.looking;
  else if (places.length === 0) said = t.nothing;
  else said = t.of(Math.max(1, place + 1).toLocaleString(locale), places.length.toLocaleString(locale));
  const none = !places || places.length === 0;

  return (
    <search
      aria-label={t.label}
      data-find
      onKeyDown={steer}
      className="appear flex h-13 flex-none items-center gap-1 border-line border-b bg-raised pe-2 ps-4 md:absolute md:end-4 md:top-2 md:h-12 md:w-[min(27rem,calc(100%-2rem))] md:rounded-md md:border md:pe-2 md:ps-3.5 md:shadow-soft"
    >
      <Search aria-hidden className="size-4 flex-none text-muted" strokeWidth={1.75} />
      <input
        ref={field}
        type="text"
        aria-label={t.label}
        placeholder={t.placeholder}
        autoComplete="off"
        spellCheck={false}
        enterKeyHint="search"
        maxLength={LONGEST}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        className="h-full min-w-0 flex-1 bg-transparent ps-2 text-sm outline-none placeholder:text-muted"
      />
      <p
        role="status"
        aria-live="polite"
        className={`flex-none whitespace-nowrap px-2 text-xs tabular-nums ${failed ? "text-danger" : "text-muted"}`}
      >
        {said === t.looking ? <span className="late">{said}</span> : said}
      </p>
      {failed && <IconButton label={t.again} icon={RotateCw} onClick={() => query.refetch()} small />}
      <span aria-hidden className="h-5 w-px flex-none bg-line" />
      <div className="flex flex-none touch:gap-3">
        <IconButton label={t.previous} icon={ChevronUp} disabled={none} onClick={() => step(-1)} small />
        <IconButton label={t.next} icon={ChevronDown} disabled={none} onClick={() => step(1)} small />
        <IconButton label={t.close} icon={X} onClick={close} small />
      </div>
    </search>
  );
}
