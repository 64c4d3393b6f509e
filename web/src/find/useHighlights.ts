import { useEffect } from "react";
import { placesIn } from "./places";

/** Between two looks at what is drawn, while that changes; milliseconds. */
const PAUSE_MS = 60;
const ALL = "found";
const CURRENT = "found-now";

/** Marks what the messages in sight have of `wanted`, and `at` more than the rest, without a change to any of them. */
export function useHighlights(wanted: string, at: { message: string; nth: number } | null): void {
  useEffect(() => {
    const viewport = document.querySelector("[data-viewport]");
    if (!viewport || !("highlights" in CSS) || wanted.trim() === "") return;
    const look = () => {
      const all: Range[] = [];
      let current: Range | undefined;
      for (const message of viewport.querySelectorAll<HTMLElement>("[data-message-id]")) {
        const found = placesIn(message, wanted);
        if (at && message.dataset.messageId === at.message)
          current = found.splice(Math.min(at.nth, found.length - 1), 1)[0];
        all.push(...found);
      }
      CSS.highlights.set(ALL, new Highlight(...all));
      CSS.highlights.set(CURRENT, new Highlight(...(current ? [current] : [])));
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const changed = new MutationObserver(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        look();
      }, PAUSE_MS);
    });
    changed.observe(viewport, { childList: true, characterData: true, subtree: true });
    look();
    return () => {
      changed.disconnect();
      clearTimeout(timer);
      CSS.highlights.delete(ALL);
      CSS.highlights.delete(CURRENT);
    };
  }, [wanted, at]);
}
