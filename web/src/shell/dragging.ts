import { type DragEvent, useState } from "react";

const KIND = "application/x-causette-conversations";

/** Begins to drag conversations. */
export function drag(event: DragEvent, ids: readonly string[]): void {
  event.dataTransfer.setData(KIND, ids.join(" "));
  event.dataTransfer.effectAllowed = "move";
}

/** Takes conversations that are dropped: what the element gets, and whether they are over it now. */
export function useDrop(dropped: ((ids: string[]) => void) | null) {
  const [over, setOver] = useState(false);
  const ours = (event: DragEvent) => dropped !== null && event.dataTransfer.types.includes(KIND);
  return {
    over,
    handlers: {
      onDragOver(event: DragEvent) {
        if (!ours(event)) return;
        event.preventDefault();
        setOver(true);
      },
      onDragLeave: () => setOver(false),
      onDrop(event: DragEvent) {
        setOver(false);
        if (!ours(event)) return;
        event.preventDefault();
        dropped?.(event.dataTransfer.getData(KIND).split(" "));
      },
    },
  };
}
