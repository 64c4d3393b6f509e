import { useNavigate, useParams } from "@tanstack/react-router";
import { PanelLeft, SquarePen } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { Conversation } from "~/chat/Conversation";
import { useWords } from "~/i18n";
import { preferences, usePreference } from "~/preferences";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { copyText } from "~/ui/useCopy";
import { useMedia } from "~/ui/useMedia";
import { ConnectionBanner } from "./ConnectionBanner";
import { Finder } from "./Finder";
import { shortcut } from "./keys";
import { Notices } from "./Notices";
import { Shortcuts } from "./Shortcuts";
import { Sidebar } from "./Sidebar";

type Open = "finder" | "shortcuts" | null;

/** The frame around every conversation: the sidebar (on a phone a sheet), what opens over it, and the keys. */
export function Shell() {
  const t = useWords();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false });
  const narrow = useMedia("(width < 48rem)");
  const closed = usePreference("sidebar") === "closed";
  const [sheet, setSheet] = useState(false);
  const [open, setOpen] = useState<Open>(null);

  const toggleSidebar = useCallback(() => {
    if (window.matchMedia("(width < 48rem)").matches) setSheet((shown) => !shown);
    else preferences.set("sidebar", preferences.get("sidebar") ? null : "closed");
  }, []);
  const close = useCallback(() => setOpen(null), []);
  const find = useCallback(() => {
    setSheet(false);
    setOpen("finder");
  }, []);
  const showShortcuts = useCallback(() => {
    setSheet(false);
    setOpen("shortcuts");
  }, []);

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const what = shortcut(event);
      if (what === null || what === "stop") return;
      event.preventDefault();
      if (what === "find") setOpen((shown) => (shown === "finder" ? null : "finder"));
      else if (what === "list") setOpen("shortcuts");
      else if (what === "sidebar") toggleSidebar();
      else if (what === "copy") {
        const replies = document.querySelectorAll<HTMLElement>("[data-reply]");
        const last = replies.item(replies.length - 1);
        // innerText: as it is seen, line breaks included.
        if (last) copyText(last.innerText);
      } else {
        setOpen(null);
        if (what === "new") navigate({ to: "/" });
        document.querySelector<HTMLElement>("[data-composer]")?.focus();
      }
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [navigate, toggleSidebar]);

  const shown = !narrow && !closed;
  return (
    <div className="flex h-full">
      <a
        href="#conversation"
        className="sr-only z-50 rounded-sm bg-raised px-4 py-2 focus:not-sr-only focus:absolute focus:top-2 focus:left-2"
      >
        {t.app.skip}
      </a>
      {shown && (
        <aside aria-label={t.sidebar.label} className="w-(--sidebar) flex-none border-line border-r">
          <Sidebar hide={toggleSidebar} chosen={() => {}} find={find} showShortcuts={showShortcuts} />
        </aside>
      )}
      {narrow && sheet && (
        <Dialog
          look="sheet"
          label={t.sidebar.label}
          close={() => setSheet(false)}
          className="fixed inset-y-0 left-0 h-dvh w-[min(19rem,86vw)] shadow-soft"
        >
          <Sidebar
            hide={() => setSheet(false)}
            chosen={() => setSheet(false)}
            find={find}
            showShortcuts={showShortcuts}
          />
        </Dialog>
      )}
      <main id="conversation" tabIndex={-1} className="relative flex min-w-0 flex-1 flex-col outline-none">
        <ConnectionBanner />
        <div className="relative z-40 h-0">
          <Notices />
        </div>
        {!shown && (
          <header className="flex h-13 flex-none items-center justify-between px-2 pt-[env(safe-area-inset-top)] md:absolute md:z-10 md:gap-1">
            <IconButton label={t.sidebar.open} icon={PanelLeft} onClick={toggleSidebar} />
            <IconButton label={t.sidebar.newChat} icon={SquarePen} onClick={() => navigate({ to: "/" })} />
          </header>
        )}
        <Conversation id={id ?? null} />
      </main>
      {open === "finder" && (
        <Finder close={close} toggleSidebar={toggleSidebar} showShortcuts={showShortcuts} />
      )}
      {open === "shortcuts" && <Shortcuts close={close} />}
    </div>
  );
}
