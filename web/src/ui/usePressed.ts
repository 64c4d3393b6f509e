import { type PointerEvent, useRef } from "react";

const LONG_MS = 450;
const MOVED = 10;

/** Calls `held` when a finger rests on something; the click that would follow is not one. */
export function usePressed(held: () => void) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const from = useRef<{ x: number; y: number }>(null);
  const was = useRef(false);
  const end = () => {
    clearTimeout(timer.current);
    from.current = null;
  };
  return {
    onPointerDown(event: PointerEvent) {
      was.current = false;
      if (event.pointerType === "mouse") return;
      from.current = { x: event.clientX, y: event.clientY };
      timer.current = setTimeout(() => {
        was.current = true;
        held();
      }, LONG_MS);
    },
    onPointerMove(event: PointerEvent) {
      const at = from.current;
      if (at && Math.hypot(event.clientX - at.x, event.clientY - at.y) > MOVED) end();
    },
    onPointerUp: end,
    onPointerCancel: end,
    onClickCapture(event: { preventDefault: () => void; stopPropagation: () => void }) {
      if (!was.current) return;
      was.current = false;
      event.preventDefault();
      event.stopPropagation();
    },
  };
}
