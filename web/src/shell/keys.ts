/** ⌘ on Apple's machines, Ctrl elsewhere. */
const apple = /Mac|iPhone|iPad/.test(navigator.platform);

export const modifier = apple ? "⌘" : "Ctrl";
export const shift = apple ? "⇧" : "Shift";

/** Whether the key was typed into something that takes text. */
function inText(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLInputElement ||
    target instanceof HTMLTextAreaElement ||
    (target instanceof HTMLElement && target.isContentEditable)
  );
}

export type Shortcut =
  | "delete"
  | "newer"
  | "older"
  | "find"
  | "within"
  | "new"
  | "sidebar"
  | "focus"
  | "copy"
  | "settings"
  | "list"
  | "stop";

/** The shortcut that a key press means, if it means one. */
export function shortcut(event: KeyboardEvent): Shortcut | null {
  if (event.isComposing || event.defaultPrevented) return null;
  const key = event.key.toLowerCase();
  const command = apple ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  if (command && !event.altKey) {
    if (key === "k" && !event.shiftKey) return "find";
    if (key === "f" && !event.shiftKey) return "within";
    if (key === "," && !event.shiftKey) return "settings";
    if (!event.shiftKey) return null;
    if (key === "o") return "new";
    if (key === "s") return "sidebar";
    if (key === "c") return "copy";
    if (key === "backspace" && !inText(event)) return "delete";
    return null;
  }
  if (event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    if (key === "arrowup") return "newer";
    if (key === "arrowdown") return "older";
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (key === "escape") return event.shiftKey ? "focus" : "stop";
  if (inText(event)) return null;
  if (key === "?") return "list";
  return key === "/" ? "focus" : null;
}
