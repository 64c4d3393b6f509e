import { Quote as Mark } from "lucide-react";
import { type RefObject, useEffect, useState } from "react";
import { announce } from "~/shell/LiveRegion";
import { quotation } from "./asMarkdown";
import { useConversation } from "./context";
import { drafts } from "./drafts";
import { useTreeWords } from "./words";

interface Place {
  text: string;
  left: number;
  top: number;
}

/** Over words that are selected in a message: takes them into the message box. */
export function Quote({ within }: { within: RefObject<HTMLElement | null> }) {
  const t = useTreeWords();
  const { id, box } = useConversation();
  const [place, setPlace] = useState<Place | null>(null);

  useEffect(() => {
    const look = () => setPlace(selectedIn(within.current));
    const later = () => requestAnimationFrame(look);
    const gone = () => {
      if (document.getSelection()?.isCollapsed) setPlace(null);
    };
    const scrolled = () => setPlace(null);
    const element = within.current;
    document.addEventListener("pointerup", later);
    document.addEventListener("keyup", later);
    document.addEventListener("selectionchange", gone);
    element?.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      document.removeEventListener("pointerup", later);
      document.removeEventListener("keyup", later);
      document.removeEventListener("selectionchange", gone);
      element?.removeEventListener("scroll", scrolled);
    };
  }, [within]);

  if (!place) return null;
  const take = () => {
    const before = box.text.trimEnd();
    const text = `${before ? `${before}\n\n` : ""}${quotation(place.text)}`;
    box.write(text);
    drafts.set(id, text);
    document.getSelection()?.removeAllRanges();
    setPlace(null);
    announce(t.quoted);
    const input = document.querySelector<HTMLTextAreaElement>("[data-composer]");
    input?.focus();
    requestAnimationFrame(() => input?.setSelectionRange(text.length, text.length));
  };
  return (
    <button
      type="button"
      // Pressing it must not end the selection before it is read.
      onPointerDown={(event) => event.preventDefault()}
      onClick={take}
      className="appear absolute z-20 inline-flex h-9 -translate-x-1/2 items-center gap-2 rounded-full border border-line bg-raised px-3.5 font-medium text-sm shadow-soft hover:bg-tint touch:h-11"
      style={{ left: place.left, top: place.top }}
    >
      <Mark aria-hidden className="size-3.5 text-accent" />
      {t.quote}
    </button>
  );
}

const HEIGHT = 44;

/** The words selected inside one message, and where a button over them has its place. */
function selectedIn(viewport: HTMLElement | null): Place | null {
  const selection = document.getSelection();
  if (!viewport || !selection || selection.isCollapsed || selection.rangeCount === 0) return null;
  const range = selection.getRangeAt(0);
  const text = selection.toString().trim();
  const inside = (node: Node) =>
    (node instanceof Element ? node : node.parentElement)?.closest("[data-role]") ?? null;
  const message = inside(range.startContainer);
  if (text === "" || !message || !viewport.contains(message) || message !== inside(range.endContainer))
    return null;
  const words = range.getBoundingClientRect();
  const frame = viewport.getBoundingClientRect();
  const above = words.top - frame.top - HEIGHT;
  return {
    text,
    left: Math.min(frame.width - 60, Math.max(60, words.left + words.width / 2 - frame.left)),
    top: above > 4 ? above : Math.min(frame.height - HEIGHT, words.bottom - frame.top + 8),
  };
}
