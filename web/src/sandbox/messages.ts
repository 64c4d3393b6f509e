/** What the app and its sandboxed frames say to each other. A frame has no origin, so both sides check who speaks. */
export type ToFrame = {
  type: "show";
  source: string;
  /** False while it is still being written: then nothing in it runs. */
  whole: boolean;
  dark: boolean;
};

export type FromFrame =
  | { type: "ready" }
  /** What was sent is to be seen. */
  | { type: "shown" }
  | { type: "error"; message: string }
  /** It wanted something from the network. */
  | { type: "blocked"; what: string };

export function say(message: FromFrame): void {
  window.parent.postMessage(message, "*");
}

/** Passes on what goes wrong from now on. To be called again when the document was opened anew. */
export function watch(): void {
  window.addEventListener("error", (event) => {
    // Some have no message: those of pictures and the like, which the policy has told of already.
    if (event.message) say({ type: "error", message: place(event) });
  });
  window.addEventListener("unhandledrejection", ({ reason }) =>
    say({ type: "error", message: told(reason) }),
  );
  document.addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective }) => {
    if (/^(https?|wss?):/.test(blockedURI)) say({ type: "blocked", what: blockedURI });
    else if (effectiveDirective === "form-action") say({ type: "blocked", what: effectiveDirective });
  });
  // A link would lead the frame itself away, and be stopped by the app's policy with nothing left to see.
  window.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    const href = link?.getAttribute("href") ?? "#";
    if (event.defaultPrevented || href.startsWith("#") || href.startsWith("javascript:")) return;
    event.preventDefault();
    say({ type: "blocked", what: href });
  });
}

function place({ message, lineno }: ErrorEvent): string {
  return lineno > 0 ? `${message} (line ${lineno})` : message;
}

export function told(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Calls `show` with what the app sends, and tells it that this frame is there. */
export function listen(show: (message: ToFrame) => void): void {
  window.addEventListener("message", ({ source, data }: MessageEvent<ToFrame>) => {
    if (source === window.parent && data?.type === "show") show(data);
  });
  say({ type: "ready" });
}
