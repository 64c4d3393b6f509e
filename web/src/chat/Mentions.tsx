import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type MouseEvent, type RefObject, useEffect, useEffectEvent, useId, useState } from "react";
import { AssistantMark } from "~/assistants/AssistantMark";
import { assistantsQuery, type Summary } from "~/assistants/queries";
import { useAssistantWords } from "~/assistants/words";
import { announce } from "~/shell/LiveRegion";
import { useConversation } from "./context";
import { drafts } from "./drafts";
import { type Typed, typedAt, withoutTyped } from "./mention";

const MOST = 8;

/** The message box keeps the focus, and the list stays until it has heard of the click. */
const stay = (event: MouseEvent) => event.preventDefault();

/** Over the message box, while `@` and a name are typed into it: the assistants that may be meant. */
export default function Mentions({
  input,
  place,
}: {
  input: RefObject<HTMLTextAreaElement | null>;
  /** Under which name what is not sent yet is kept. */
  place: string | null;
}) {
  const t = useAssistantWords();
  const { box } = useConversation();
  const list = useId();
  const [typed, setTyped] = useState<Typed | null>(null);
  const [current, setCurrent] = useState(0);
  const items = useSuggested(typed?.text ?? null);
  const shown = typed !== null && items !== undefined && (items.length > 0 || typed.text === "");

  const look = useEffectEvent(() => {
    const area = input.current;
    const inside = area && document.activeElement === area && area.selectionStart === area.selectionEnd;
    const now = inside ? typedAt(area.value, area.selectionStart) : null;
    if (now?.at !== typed?.at || now?.text !== typed?.text) {
      setTyped(now);
      setCurrent(0);
    }
  });
  const choose = useEffectEvent((assistant: Summary) => {
    const area = input.current;
    if (!area || !typed) return;
    const { text, caret } = withoutTyped(area.value, typed);
    box.write(text);
    drafts.set(place, text);
    drafts.sayTo(place, assistant.id);
    setTyped(null);
    announce(t.saidTo(assistant.name));
    area.focus();
    requestAnimationFrame(() => area.setSelectionRange(caret, caret));
  });
  const pressed = useEffectEvent((event: KeyboardEvent) => {
    if (!shown || event.isComposing) return;
    const chosen = items[current];
    if (event.key === "Escape") setTyped(null);
    else if (!chosen) return;
    else if (event.key === "ArrowDown") setCurrent((current + 1) % items.length);
    else if (event.key === "ArrowUp") setCurrent((current + items.length - 1) % items.length);
    else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") choose(chosen);
    else return;
    // Neither is the message sent, nor the reply stopped.
    event.preventDefault();
    event.stopPropagation();
  });
  useEffect(() => {
    const area = input.current;
    if (!area) return;
    const watched = ["input", "focus", "blur"] as const;
    for (const each of watched) area.addEventListener(each, look);
    document.addEventListener("selectionchange", look);
    area.addEventListener("keydown", pressed, true);
    look();
    return () => {
      for (const each of watched) area.removeEventListener(each, look);
      document.removeEventListener("selectionchange", look);
      area.removeEventListener("keydown", pressed, true);
    };
  }, [input]);

  const active = shown && items[current] ? `${list}${current}` : null;
  useEffect(() => {
    const area = input.current;
    if (!area || !active) return;
    area.setAttribute("aria-controls", list);
    area.setAttribute("aria-activedescendant", active);
    document.getElementById(active)?.scrollIntoView({ block: "nearest" });
    return () => {
      area.removeAttribute("aria-controls");
      area.removeAttribute("aria-activedescendant");
    };
  }, [input, list, active]);

  if (!shown) return null;
  return (
    <div className="absolute inset-x-0 bottom-full z-30 mb-2 max-h-72 overflow-y-auto rounded-md border border-line bg-raised p-1 shadow-soft">
      {items.length === 0 ? (
        <p className="px-2.5 py-2 text-muted text-sm">
          {t.noneToMention}{" "}
          <Link
            to="/assistants"
            onMouseDown={stay}
            className="text-accent underline-offset-2 hover:underline"
          >
            {t.open}
          </Link>
        </p>
      ) : (
        <div role="listbox" id={list} aria-label={t.mention}>
          {items.map((assistant, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the message box has the keys
            <div
              key={assistant.id}
              role="option"
              id={`${list}${index}`}
              tabIndex={-1}
              aria-selected={index === current}
              onMouseDown={stay}
              onPointerMove={() => setCurrent(index)}
              onClick={() => choose(assistant)}
              className="flex min-h-11 cursor-pointer items-center gap-2.5 rounded-sm px-2.5 py-1.5 text-sm aria-selected:bg-tint"
            >
              <AssistantMark assistant={assistant} />
              <span className="flex-none font-medium">{assistant.name}</span>
              <span className="min-w-0 truncate text-muted">{assistant.description}</span>
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

/** The assistants that `text` may mean, those talked with last first; undefined until they are known. */
function useSuggested(text: string | null): readonly Summary[] | undefined {
  const options = { enabled: text !== null, placeholderData: keepPreviousData };
  const { data: all } = useInfiniteQuery({ ...assistantsQuery("usable", text ?? ""), ...options });
  const { data: recent } = useInfiniteQuery({ ...assistantsQuery("recent", text ?? ""), ...options });
  const found = [recent, all].flatMap((list) => list?.pages[0]?.items ?? []);
  // Until the server has answered, what is left of those that were shown before.
  const wanted = (text ?? "").toLowerCase();
  const meant = found.filter(({ name, description }) =>
    `${name}\n${description}`.toLowerCase().includes(wanted),
  );
  const once = new Map(meant.map((assistant) => [assistant.id, assistant]));
  return all && [...once.values()].slice(0, MOST);
}
