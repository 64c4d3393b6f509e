import { type RefObject, useEffect, useEffectEvent } from "react";

/** From here on a finger means to push, and no more to scroll or to press; pixels. */
const MEANT = 12;
/** As much of a sheet's width as has to be pushed out for the rest to follow. */
const ENOUGH = 0.3;

/** Lets a finger push a sheet out to the side that it came from; `out` is called when it is. */
export function usePushed(sheet: RefObject<HTMLElement | null>, enabled: boolean, out: () => void): void {
  const gone = useEffectEvent(out);
  useEffect(() => {
    const element = sheet.current;
    if (!enabled || !element) return;
    let from: { x: number; y: number } | null = null;
    let pushed = 0;
    const side = () => (document.dir === "rtl" ? 1 : -1);
    const began = ({ touches: [touch, second] }: TouchEvent) => {
      from = touch && !second ? { x: touch.clientX, y: touch.clientY } : null;
      pushed = 0;
    };
    const moved = ({ touches: [touch] }: TouchEvent) => {
      if (!touch || !from) return;
      const far = (touch.clientX - from.x) * side();
      if (pushed === 0 && Math.abs(touch.clientY - from.y) > MEANT) from = null;
      else if (pushed > 0 || far > MEANT) {
        pushed = Math.max(1, far);
        element.style.transform = `translateX(${side() * Math.max(0, far)}px)`;
      }
    };
    const ended = () => {
      if (pushed > element.clientWidth * ENOUGH) gone();
      element.style.transform = "";
      from = null;
      pushed = 0;
    };
    element.addEventListener("touchstart", began, { passive: true });
    element.addEventListener("touchmove", moved, { passive: true });
    element.addEventListener("touchend", ended, { passive: true });
    element.addEventListener("touchcancel", ended, { passive: true });
    return () => {
      element.removeEventListener("touchstart", began);
      element.removeEventListener("touchmove", moved);
      element.removeEventListener("touchend", ended);
      element.removeEventListener("touchcancel", ended);
    };
  }, [sheet, enabled]);
}
