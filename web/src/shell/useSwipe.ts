import { useEffect, useEffectEvent } from "react";

/** How far a finger goes for it to be meant, in pixels, and how long it may take, in milliseconds. */
const FAR = 56;
const LONG_MS = 700;

/** Whether a finger that moves sideways here already means something else. */
function taken(target: EventTarget | null): boolean {
  if (!(target instanceof Element) || target.closest("input, textarea, dialog, [role=menu]")) return true;
  if (!document.getSelection()?.isCollapsed) return true;
  for (let at: Element | null = target; at; at = at.parentElement)
    if (at.scrollWidth > at.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(at).overflowX))
      return true;
  return false;
}

/** Calls `opened` when a finger is drawn from the beginning of the lines towards their end, begun in the first half. */
export function useSwipe(enabled: boolean, opened: () => void): void {
  const open = useEffectEvent(opened);
  useEffect(() => {
    if (!enabled) return;
    let from: { x: number; y: number; at: number } | null = null;
    const began = ({ touches, target, timeStamp }: TouchEvent) => {
      const [touch] = touches;
      from = null;
      if (!touch || touches.length > 1 || taken(target)) return;
      from = { x: along(touch), y: touch.clientY, at: timeStamp };
      if (from.x > window.innerWidth / 2) from = null;
    };
    const ended = ({ changedTouches: [touch], timeStamp }: TouchEvent) => {
      if (!touch || !from) return;
      const far = along(touch) - from.x;
      const quick = timeStamp - from.at < LONG_MS;
      if (quick && far > FAR && Math.abs(touch.clientY - from.y) < far / 2) open();
      from = null;
    };
    window.addEventListener("touchstart", began, { passive: true });
    window.addEventListener("touchend", ended, { passive: true });
    return () => {
      window.removeEventListener("touchstart", began);
      window.removeEventListener("touchend", ended);
    };
  }, [enabled]);
}

/** How far from the side where lines begin. */
function along({ clientX }: Touch): number {
  return document.dir === "rtl" ? window.innerWidth - clientX : clientX;
}
