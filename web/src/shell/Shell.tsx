import { useNavigate, useParams, useRouter, useRouterState } from "@tanstack/react-router";
import { PanelLeft, SquarePen } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { seen } from "~/alerts/unseen";
import { Conversation } from "~/chat/Conversation";
import { deleteConversations } from "~/deleting";
import { openFind } from "~/find/opening";
import { useWords } from "~/i18n";
import { preferences, usePreference } from "~/preferences";
import { openSharing, useOpening } from "~/sharing/opening";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { loadMenus } from "~/ui/Menu";
import { copyText } from "~/ui/useCopy";
import { useMedia } from "~/ui/useMedia";
import { ConnectionBanner } from "./ConnectionBanner";
import { shortcut } from "./keys";
import { Notices } from "./Notices";
import { place } from "./place";
import { Sidebar } from "./Sidebar";
import { useSwipe } from "./useSwipe";

const ArchivePage = lazy(() =>
  import("~/organise/ArchivePage").then(({ ArchivePage }) => ({ default: ArchivePage })),
);
const Shortcuts = lazy(() => import("./Shortcuts"));
const ShareDialog = lazy(() => import("~/sharing/ShareDialog"));
const ExportDialog = lazy(() => import("~/sharing/ExportDialog"));
const loadFinder = () => import("./Finder").then(({ Finder }) => ({ default: Finder }));
const Finder = lazy(loadFinder);
const Gallery = lazy(() => import("~/assistants/Gallery").then(({ Gallery }) => ({ default: Gallery })));
const Editor = lazy(() => import("~/assistants/Editor").then(({ Editor }) => ({ default: Editor })));

/** After so long, in milliseconds, nobody waits for the page any more. */
const SETTLED_MS = 1_500;

type Open = "finder" | "shortcuts" | null;

/** The frame around every conversation: the sidebar (on a phone a sheet), what opens over it, and the keys. */
export function Shell() {
  const t = useWords();
  const navigate = useNavigate();
  const router = useRouter();
  const { id, project, assistant, edit } = useParams({ strict: false });
  const archive = useRouterState({ select: ({ location }) => location.pathname === "/archive" });
  const gallery = useRouterState({ select: ({ location }) => location.pathname === "/assistants" });
  const narrow = useMedia("(width < 48rem)");
  const closed = usePreference("sidebar") === "closed";
  const [sheet, setSheet] = useState(false);
  const [open, setOpen] = useState<Open>(null);
  useSwipe(narrow && !sheet, () => setSheet(true));
  useEffect(() => {
    // Whoever calls for them goes on at once; but what is shown first goes first.
    const timer = setTimeout(() => Promise.allSettled([loadFinder(), loadMenus()]), SETTLED_MS);
    return () => clearTimeout(timer);
  }, []);
  const opening = useOpening();

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
    place.note(id ?? null);
    const look = () => {
      if (id && !document.hidden) seen(id);
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [id]);

  useEffect(() => {
    // A notification was followed.
    const told = ({ data }: MessageEvent) => {
      if (typeof data?.show === "string") router.history.push(data.show);
    };
    navigator.serviceWorker?.addEventListener("message", told);
    return () => navigator.serviceWorker?.removeEventListener("message", told);
  }, [router]);

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const what = shortcut(event);
      if (what === null || what === "stop") return;
      if (what === "within") {
        // In the find bar, and over a dialog, the browser's own is meant.
        if (!id || document.querySelector("dialog[open], [data-find]:focus-within")) return;
        event.preventDefault();
        openFind(id);
        return;
      }
      event.preventDefault();
      if (what === "find") setOpen((shown) => (shown === "finder" ? null : "finder"));
      else if (what === "list") setOpen("shortcuts");
      else if (what === "sidebar") toggleSidebar();
      else if (what === "settings") navigate({ to: "/settings" });
      else if (what === "delete") {
        if (!id) return;
        deleteConversations([id], () => navigate({ to: "/c/$id", params: { id } }));
        navigate({ to: "/" });
      } else if (what === "newer" || what === "older") {
        const links = [...document.querySelectorAll<HTMLAnchorElement>("nav a[href^='/c/']")];
        const at = links.findIndex((link) => link.getAttribute("aria-current") === "page");
        links
          .at(at < 0 ? 0 : Math.max(0, what === "newer" ? at - 1 : Math.min(at + 1, links.length - 1)))
          ?.click();
      } else if (what === "copy") {
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
  }, [navigate, toggleSidebar, id]);

  const shown = !narrow && !closed;
  return (
    <div className="flex h-full">
      <a
        href="#conversation"
        className="sr-only z-50 rounded-sm bg-raised px-4 py-2 focus:not-sr-only focus:absolute focus:top-2 focus:start-2"
      >
        {t.app.skip}
      </a>
      {shown && (
        <aside aria-label={t.sidebar.label} className="w-(--sidebar) flex-none border-line border-e">
          <Sidebar hide={toggleSidebar} chosen={() => {}} find={find} showShortcuts={showShortcuts} />
        </aside>
      )}
      {narrow && sheet && (
        <Dialog
          look="sheet"
          label={t.sidebar.label}
          close={() => setSheet(false)}
          className="fixed inset-y-0 start-0 h-dvh w-[min(19rem,86vw)] shadow-soft"
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
        {archive || gallery || edit ? (
          <Suspense>{archive ? <ArchivePage /> : edit ? <Editor id={edit} /> : <Gallery />}</Suspense>
        ) : (
          <Conversation id={id ?? null} project={project ?? null} assistant={assistant ?? null} />
        )}
      </main>
      <Suspense>
        {open === "finder" && (
          <Finder close={close} toggleSidebar={toggleSidebar} showShortcuts={showShortcuts} />
        )}
        {open === "shortcuts" && <Shortcuts close={close} />}
      </Suspense>
      {opening && (
        <Suspense>
          {opening.what === "share" ? (
            <ShareDialog opening={opening} close={() => openSharing(null)} />
          ) : (
            <ExportDialog opening={opening} close={() => openSharing(null)} />
          )}
        </Suspense>
      )}
    </div>
  );
}
