import { Link, type LinkProps, useNavigate } from "@tanstack/react-router";
import { ArrowLeft, ChevronRight, type LucideIcon } from "lucide-react";
import { type ComponentType, type LazyExoticComponent, Suspense, useEffect, useRef } from "react";
import { nameTab } from "~/alerts/unseen";
import { useWords } from "~/i18n";
import { ConnectionBanner } from "~/shell/ConnectionBanner";
import { Notices } from "~/shell/Notices";
import { place } from "~/shell/place";
import { useMedia } from "~/ui/useMedia";
import { Waiting } from "./parts/Waiting";

/** What a page is given: the thing of its list that the URL names, if any. */
export interface PageProps {
  item: string | null;
}

export interface Page {
  /** The last part of its URL. */
  path: string;
  label: string;
  icon: LucideIcon;
  View: LazyExoticComponent<ComponentType<PageProps>>;
  /** For tables and charts: as wide as there is room, rather than as wide as reads well. */
  wide?: boolean;
}

export interface Group {
  /** Said above its pages; the first group needs nothing said. */
  label?: string;
  pages: readonly Page[];
}

interface Props {
  base: "/settings" | "/console" | "/lab";
  title: string;
  groups: readonly Group[];
  page: string | null;
  item: string | null;
}

/**
 * Pages beside the conversations: a list of them and the chosen one; on a phone first the list, then the page. Escape
 * leads back to the conversation.
 */
export function Frame({ base, title, groups, page, item }: Props) {
  const narrow = useMedia("(width < 48rem)");
  const pages = groups.flatMap((group) => group.pages);
  const shown = pages.find((each) => each.path === page) ?? (narrow ? undefined : pages[0]);
  const content = useRef<HTMLElement>(null);
  useLeaveOnEscape();
  // On a phone the link that was touched is gone with its list, so reading begins again at the page.
  const path = shown?.path;
  useEffect(() => {
    if (path) content.current?.scrollTo(0, 0);
    if (path && narrow) content.current?.focus({ preventScroll: true });
  }, [path, narrow]);
  const title_ = shown ? `${shown.label} · ${title}` : title;
  useEffect(() => {
    nameTab(title_);
  }, [title_]);

  const nav = <Nav base={base} title={title} groups={groups} shown={shown} roomy={narrow} />;
  if (!shown) return <div className="h-full overflow-y-auto bg-sunken">{nav}</div>;
  return (
    <div className="flex h-full">
      {!narrow && (
        <aside className="w-(--sidebar) flex-none overflow-y-auto border-line border-e bg-sunken">
          {nav}
        </aside>
      )}
      <main
        ref={content}
        tabIndex={-1}
        className="relative min-w-0 flex-1 overflow-y-auto overscroll-contain outline-none"
      >
        <ConnectionBanner />
        <div className="sticky top-0 z-40 h-0">
          <Notices />
        </div>
        {narrow && (
          <header className="flex h-13 items-center pt-[env(safe-area-inset-top)] ps-2">
            <Back to={item ? `${base}/$page` : base} params={{ page: shown.path }}>
              {item ? shown.label : title}
            </Back>
          </header>
        )}
        <div
          className={`mx-auto w-full px-5 pt-2 pb-[max(4rem,env(safe-area-inset-bottom))] md:px-10 md:pt-12 ${shown.wide ? "max-w-[72rem]" : "max-w-[46rem]"}`}
        >
          <Suspense key={shown.path} fallback={<Waiting />}>
            <shown.View item={item} />
          </Suspense>
        </div>
      </main>
    </div>
  );
}

function Nav({
  base,
  title,
  groups,
  shown,
  roomy,
}: Pick<Props, "base" | "title" | "groups"> & { shown: Page | undefined; roomy: boolean }) {
  const t = useWords();
  const conversation = place.last();
  // Beside a page, which has a heading of its own, the list's title is none.
  const Title = roomy ? "h1" : "p";
  return (
    <div className="flex flex-col px-2 pt-[max(0.5rem,env(safe-area-inset-top))] pb-6">
      <div className="flex h-11 items-center">
        {conversation ? (
          <Back to="/c/$id" params={{ id: conversation }}>
            {t.settings.back}
          </Back>
        ) : (
          <Back to="/">{t.settings.back}</Back>
        )}
      </div>
      <Title className={`px-2.5 font-serif tracking-tight ${roomy ? "mt-2 mb-3 text-xl" : "my-3 text-lg"}`}>
        {title}
      </Title>
      <nav aria-label={title} className="space-y-5">
        {groups.map((group) => (
          <div key={group.pages[0]?.path}>
            {group.label && (
              <p aria-hidden className="px-2.5 pb-1 text-muted text-xs">
                {group.label}
              </p>
            )}
            <ul
              aria-label={group.label ?? title}
              className={roomy ? "divide-y divide-line border-line border-y" : "space-y-0.5"}
            >
              {group.pages.map(({ path, label, icon: Icon }) => (
                <li key={path}>
                  <Link
                    to={`${base}/$page`}
                    params={{ page: path }}
                    aria-current={path === shown?.path ? "page" : undefined}
                    className={`flex items-center gap-3 px-2.5 transition-colors duration-100 hover:bg-tint aria-[current]:bg-tint-strong aria-[current]:font-medium ${roomy ? "h-13" : "h-9 rounded-sm text-sm touch:h-11"}`}
                  >
                    <Icon aria-hidden className="size-4 flex-none text-muted" strokeWidth={1.75} />
                    <span className="min-w-0 flex-1 truncate">{label}</span>
                    {roomy && <ChevronRight aria-hidden className="size-4 text-muted" />}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
    </div>
  );
}

/** The way up: to the list, or out to the conversation. */
export function Back({ children, ...to }: LinkProps & { children: string }) {
  return (
    <Link
      {...to}
      className="flex h-9 items-center gap-2 rounded-sm px-2.5 text-muted text-sm transition-colors duration-100 hover:bg-tint hover:text-ink touch:h-11"
    >
      <ArrowLeft aria-hidden className="size-4" strokeWidth={1.75} />
      {children}
    </Link>
  );
}

function useLeaveOnEscape(): void {
  const navigate = useNavigate();
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
      // What is open over the page closes first, and what is being written is left before the page is.
      if (document.querySelector("dialog[open]")) return;
      const focused = document.activeElement;
      if (focused instanceof HTMLInputElement || focused instanceof HTMLTextAreaElement) {
        focused.blur();
        return;
      }
      const conversation = place.last();
      if (conversation) navigate({ to: "/c/$id", params: { id: conversation } });
      else navigate({ to: "/" });
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [navigate]);
}
