import { useInfiniteQuery, useQueries, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import {
  type KeyboardEvent,
  lazy,
  type RefObject,
  Suspense,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { activityQuery, FEW, fewOf, listQuery, projectsQuery } from "~/api/queries";
import type { Conversation, Project } from "~/api/types";
import { useLeaving } from "~/deleting";
import { useLocale, useNow, useWords } from "~/i18n";
import { move, pin } from "~/organise/acts";
import { inOrder } from "~/organise/projects";
import { selection, useSelection } from "~/organise/selection";
import { useOrganiseWords } from "~/organise/words";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { useMedia } from "~/ui/useMedia";
import { ConversationRow } from "./ConversationRow";
import { byDate } from "./dates";
import { useDrop } from "./dragging";
import { toggleProject, useExpanded } from "./expanded";
import { ProjectRow } from "./ProjectRow";
import { between, offsetsOf, type Row, rowsOf } from "./rows";

const SelectionBar = lazy(() => import("./SelectionBar"));
const MoveTo = lazy(() => import("~/organise/MoveTo").then(({ MoveTo }) => ({ default: MoveTo })));
const ProjectForm = lazy(() =>
  import("~/organise/ProjectForm").then(({ ProjectForm }) => ({ default: ProjectForm })),
);
const DeleteProject = lazy(() =>
  import("~/organise/DeleteProject").then(({ DeleteProject }) => ({ default: DeleteProject })),
);

const LINE = 36;
const LINE_TOUCH = 44;
const HEADING = 40;
/** Rows drawn above and below what is seen. */
const SPARE = 8;

const recentQuery = listQuery({ scope: "recent" });
const pinnedQuery = listQuery({ scope: "pinned" });

type Over =
  | { what: "move"; ids: readonly string[] }
  | { what: "project"; project: Project | null }
  | { what: "delete"; project: Project }
  | null;

/** The sidebar's list: what is pinned, the projects, everything else by date. Only the rows in sight are drawn. */
export function Conversations({ chosen }: { chosen: () => void }) {
  const t = useWords();
  const navigate = useNavigate();
  const { id: shown, project: shownProject } = useParams({ strict: false });
  const nav = useRef<HTMLElement>(null);
  const { rows, pending, failed, retry, more } = useRows();
  const selected = useSelection();
  const [over, setOver] = useState<Over>(null);
  const line = useMedia("(hover: none)") ? LINE_TOUCH : LINE;
  const offsets = useMemo(() => offsetsOf(rows, line, HEADING), [rows, line]);
  const { top, height } = useScroll(nav);
  const [first, behind] = between(offsets, top, top + height, SPARE);
  // The row that has the focus stays, wherever one scrolls to.
  const [focused, setFocused] = useState<string | null>(null);
  const focusedAt = focused === null ? -1 : rows.findIndex((row) => row.key === focused);
  const drawn = Array.from({ length: behind - first }, (_, index) => first + index);
  if (focusedAt >= 0 && (focusedAt < first || focusedAt >= behind)) drawn.push(focusedAt);

  const moreInSight = drawn.some((index) => rows[index]?.kind === "more");
  useEffect(() => {
    if (moreInSight) more();
  }, [moreInSight, more]);

  const current = useRef(rows);
  current.current = rows;
  const order = useCallback(
    () => current.current.flatMap((row) => (row.kind === "conversation" ? [row.conversation.id] : [])),
    [],
  );
  const moveTo = useCallback((ids: readonly string[]) => setOver({ what: "move", ids }), []);
  const close = () => setOver(null);
  const leave = (ids: readonly string[]) => {
    if (shown && ids.includes(shown)) navigate({ to: "/" });
  };

  const walk = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: 1, End: -1 }[event.key];
    const here = (event.target as HTMLElement).closest<HTMLElement>("[data-row]")?.dataset.row;
    if (!step || here === undefined || (event.target as HTMLElement).matches("input")) return;
    event.preventDefault();
    let at =
      event.key === "Home"
        ? -1
        : event.key === "End"
          ? rows.length
          : rows.findIndex(({ key }) => key === here);
    do at += step;
    while (rows[at]?.kind === "heading");
    const row = rows[at];
    if (!row) return;
    setFocused(row.key);
    const [from = 0, to = 0] = [offsets[at], offsets[at + 1]];
    const element = nav.current;
    if (element && from < element.scrollTop) element.scrollTop = from;
    else if (element && to > element.scrollTop + element.clientHeight)
      element.scrollTop = to - element.clientHeight;
    requestAnimationFrame(() =>
      element
        ?.querySelector<HTMLElement>(`[data-row="${CSS.escape(row.key)}"] a`)
        ?.focus({ preventScroll: true }),
    );
  };

  return (
    <>
      <nav
        ref={nav}
        aria-label={t.sidebar.label}
        onKeyDown={walk}
        onFocus={(event) =>
          setFocused((event.target as HTMLElement).closest<HTMLElement>("[data-row]")?.dataset.row ?? null)
        }
        onBlur={() => setFocused(null)}
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-2 pb-4"
      >
        {pending ? (
          <Skeleton label={t.app.loading} />
        ) : failed ? (
          <Trouble text={t.sidebar.failed} retry={retry} />
        ) : (
          <ul className="relative" style={{ height: offsets.at(-1) ?? 0 }}>
            {drawn.map((index) => {
              const row = rows[index];
              if (!row) return null;
              return (
                <li
                  key={row.key}
                  data-row={row.key}
                  className="absolute inset-x-0 top-0"
                  style={{
                    transform: `translateY(${offsets[index]}px)`,
                    height: (offsets[index + 1] ?? 0) - (offsets[index] ?? 0),
                  }}
                >
                  <Line
                    row={row}
                    shown={shown}
                    shownProject={shownProject}
                    selected={selected}
                    chosen={chosen}
                    moveTo={moveTo}
                    order={order}
                    ask={setOver}
                  />
                </li>
              );
            })}
          </ul>
        )}
        {!pending && !failed && !rows.some(({ kind }) => kind === "conversation") && (
          <p className="px-2.5 pt-3 text-muted text-sm">{t.sidebar.empty}</p>
        )}
      </nav>
      <Suspense>{selected.size > 0 && <SelectionBar moveTo={moveTo} leave={leave} />}</Suspense>
      <Suspense>
        {over?.what === "move" && <MoveTo ids={over.ids} close={close} />}
        {over?.what === "project" && (
          <ProjectForm
            project={over.project}
            close={close}
            done={(project) => {
              close();
              if (over.project) return;
              chosen();
              navigate({ to: "/p/$project", params: { project: project.id } });
            }}
          />
        )}
        {over?.what === "delete" && (
          <DeleteProject
            project={over.project}
            close={close}
            done={() => {
              close();
              if (shownProject === over.project.id) navigate({ to: "/" });
            }}
          />
        )}
      </Suspense>
    </>
  );
}

function useRows() {
  const t = useWords();
  const o = useOrganiseWords();
  const locale = useLocale();
  const now = useNow();
  const leaving = useLeaving();
  const expanded = useExpanded();
  const recent = useInfiniteQuery(recentQuery);
  const pinned = useInfiniteQuery(pinnedQuery);
  const { data: projects } = useQuery(projectsQuery);
  useQuery(activityQuery);
  const open = useMemo(
    () => (projects ?? []).filter(({ id }) => expanded.includes(id)).map(({ id }) => id),
    [projects, expanded],
  );
  const few = useQueries({
    queries: open.map((id) => fewOf(id)),
    combine: (found) => found.map(({ data }) => data?.pages[0]),
  });

  const { hasNextPage: morePinned, fetchNextPage: fetchPinned, isFetching: fetchingPinned } = pinned;
  useEffect(() => {
    if (morePinned && !fetchingPinned) fetchPinned();
  }, [morePinned, fetchingPinned, fetchPinned]);

  const rows = useMemo(() => {
    const staying = (items: readonly Conversation[]) => items.filter(({ id }) => !leaving.has(id));
    const items = staying(recent.data?.pages.flatMap((page) => page.items) ?? []);
    return rowsOf(
      {
        pinned: staying(pinned.data?.pages.flatMap((page) => page.items) ?? []),
        projects: inOrder(projects ?? [], locale).map((project) => {
          const page = few[open.indexOf(project.id)];
          const inside = staying(page?.items ?? []);
          return {
            project,
            open: expanded.includes(project.id),
            few: inside.slice(0, FEW),
            more: page?.next !== null || inside.length > FEW,
          };
        }),
        dated: byDate(items, now, locale, t),
        more: recent.hasNextPage,
      },
      { pinned: o.pinned, projects: o.projects },
    );
  }, [
    recent.data,
    recent.hasNextPage,
    pinned.data,
    projects,
    few,
    open,
    expanded,
    leaving,
    now,
    locale,
    t,
    o,
  ]);

  const { isFetchingNextPage, fetchNextPage } = recent;
  const more = useCallback(() => {
    if (!isFetchingNextPage) fetchNextPage();
  }, [isFetchingNextPage, fetchNextPage]);
  return {
    rows,
    pending: recent.isPending,
    failed: recent.error !== null && !recent.data,
    retry: () => recent.refetch(),
    more,
  };
}

/** How far an element is scrolled, and how much of it is seen. */
function useScroll(element: RefObject<HTMLElement | null>): { top: number; height: number } {
  const [place, setPlace] = useState({ top: 0, height: 800 });
  useEffect(() => {
    const here = element.current;
    if (!here) return;
    const read = () => setPlace({ top: here.scrollTop, height: here.clientHeight });
    const resized = new ResizeObserver(read);
    resized.observe(here);
    here.addEventListener("scroll", read, { passive: true });
    return () => {
      resized.disconnect();
      here.removeEventListener("scroll", read);
    };
  }, [element]);
  return place;
}

function Line({
  row,
  shown,
  shownProject,
  selected,
  chosen,
  moveTo,
  order,
  ask,
}: {
  row: Row;
  shown: string | undefined;
  shownProject: string | undefined;
  selected: ReadonlySet<string>;
  chosen: () => void;
  moveTo: (ids: readonly string[]) => void;
  order: () => readonly string[];
  ask: (what: Over) => void;
}) {
  const t = useWords();
  const o = useOrganiseWords();
  switch (row.kind) {
    case "heading":
      return <Heading row={row} create={() => ask({ what: "project", project: null })} />;
    case "project":
      return (
        <ProjectRow
          project={row.project}
          open={row.open}
          current={row.project.id === shownProject}
          toggle={() => toggleProject(row.project.id)}
          chosen={chosen}
          edit={() => ask({ what: "project", project: row.project })}
          remove={() => ask({ what: "delete", project: row.project })}
        />
      );
    case "all":
      return (
        <Link
          to="/p/$project"
          params={{ project: row.project.id }}
          onClick={chosen}
          className="flex h-full items-center truncate rounded-sm ps-9 text-muted text-sm hover:bg-tint"
        >
          {o.allOf(row.project.name)}
        </Link>
      );
    case "conversation":
      return (
        <ConversationRow
          conversation={row.conversation}
          current={row.conversation.id === shown}
          inside={row.inside}
          selected={selected.size > 0 ? selected.has(row.conversation.id) : null}
          chosen={chosen}
          moveTo={moveTo}
          shown={order}
        />
      );
    case "more":
      return (
        <div role="status" className="late flex h-full items-center px-2.5">
          <span className="sr-only">{t.app.loading}</span>
          <div className="skeleton h-4 w-3/5" />
        </div>
      );
  }
}

function Heading({ row, create }: { row: Extract<Row, { kind: "heading" }>; create: () => void }) {
  const o = useOrganiseWords();
  const { over, handlers } = useDrop(
    row.at === "projects"
      ? null
      : (ids) => {
          selection.clear();
          if (row.at === "pinned") pin(ids, true);
          else move(ids, null);
        },
  );
  return (
    <div
      {...handlers}
      className={`flex h-full items-end rounded-sm pe-0.5 pb-1 ps-2.5 ${over ? "bg-accent-tint outline-2 outline-accent" : ""}`}
    >
      <h2 className="me-auto font-medium text-muted text-xs">{row.label}</h2>
      {row.at === "projects" && (
        <IconButton label={o.newProject} icon={Plus} onClick={create} small className="-mb-1.5" />
      )}
    </div>
  );
}

function Skeleton({ label }: { label: string }) {
  return (
    <div role="status" className="late space-y-3 px-2.5 pt-4">
      <span className="sr-only">{label}</span>
      {["w-4/5", "w-3/5", "w-11/12", "w-2/3"].map((width) => (
        <div key={width} className={`skeleton h-4 ${width}`} />
      ))}
    </div>
  );
}
