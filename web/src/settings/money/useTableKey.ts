import { useEffect, useState } from "react";

/** Whether charts are shown as tables, which the key T changes. */
export function useTableKey(): [boolean, (table: boolean) => void] {
  const [table, setTable] = useState(false);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
      if (event.key.toLowerCase() !== "t" || event.ctrlKey || event.metaKey || event.altKey || typing) return;
      if (document.querySelector("dialog[open], [role=menu]")) return;
      setTable((shown) => !shown);
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, []);
  return [table, setTable];
}
