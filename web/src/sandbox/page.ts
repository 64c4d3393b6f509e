/** The frame of HTML pages and SVG pictures. */
import { listen, say, type ToFrame, watch } from "./messages";

/** Storage that lasts as long as the frame: without an origin there is none, and pages that use it would break. */
function forgetful(): Storage {
  const kept = new Map<string, string>();
  return {
    get length() {
      return kept.size;
    },
    key: (index) => [...kept.keys()][index] ?? null,
    getItem: (key) => kept.get(String(key)) ?? null,
    setItem: (key, value) => void kept.set(String(key), String(value)),
    removeItem: (key) => void kept.delete(String(key)),
    clear: () => kept.clear(),
  };
}

for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, { value: forgetful(), configurable: true });

/** As much of the page as there is, without its scripts. */
function preview(source: string): void {
  const page = new DOMParser().parseFromString(source, "text/html");
  for (const script of page.querySelectorAll("script, meta[http-equiv], base")) script.remove();
  document.head.replaceChildren(...page.head.childNodes);
  document.body.replaceWith(page.body);
}

function run(source: string): void {
  document.open();
  // Opening took away everybody who listened.
  watch();
  document.write(source);
  document.close();
}

listen(({ source, whole }: ToFrame) => {
  if (whole) run(source);
  else preview(source);
  say({ type: "shown" });
});
