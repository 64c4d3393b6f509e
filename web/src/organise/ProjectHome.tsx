import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { SlidersHorizontal } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { nameTab } from "~/alerts/unseen";
import { listQuery, projectsQuery } from "~/api/queries";
import { useLeaving } from "~/deleting";
import { useLocale, useWords } from "~/i18n";
import { KeptFiles } from "~/knowledge/KeptFiles";
import { Button, buttonLook } from "~/ui/Button";
import { ProjectForm } from "./ProjectForm";
import { ProjectMark } from "./ProjectMark";
import { useOrganiseWords } from "./words";

/** A project: what it tells every reply, a place to begin, and what was begun in it. */
export function ProjectHome({ id, children }: { id: string; children: ReactNode }) {
  const t = useOrganiseWords();
  const all = useWords();
  const locale = useLocale();
  const leaving = useLeaving();
  const { data: projects } = useQuery(projectsQuery);
  const list = useInfiniteQuery(listQuery({ scope: "all", project: id }));
  const [editing, setEditing] = useState(false);
  const project = projects?.find((each) => each.id === id);
  useEffect(() => {
    if (project) nameTab(project.name);
  }, [project]);
  if (!projects) return null;
  if (!project)
    return (
      <div role="alert" className="m-auto max-w-sm px-6 py-12 text-center">
        <h1 className="font-serif text-lg">{t.page.missing}</h1>
        <p className="mt-2 mb-6 text-balance text-muted text-sm">{t.page.missingHint}</p>
        <Link to="/" className={buttonLook("primary")}>
          {t.page.home}
        </Link>
      </div>
    );
  const items = list.data?.pages.flatMap((page) => page.items).filter((item) => !leaving.has(item.id)) ?? [];
  const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
  return (
    <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
      <div className="mx-auto w-full max-w-[42rem] px-4 pt-[max(4rem,10vh)] pb-10">
        <header className="mb-6">
          <h1 className="flex items-center gap-3 font-serif text-xl tracking-tight">
            <ProjectMark project={project} large />
            <span dir="auto" className="min-w-0 truncate">
              {project.name}
            </span>
          </h1>
          <div className="mt-2 flex items-start gap-3">
            <p className="line-clamp-3 me-auto whitespace-pre-line text-muted text-sm">
              {project.instructions || t.page.none}
            </p>
            <Button look="outline" className="flex-none" onClick={() => setEditing(true)}>
              <SlidersHorizontal aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
              {t.page.edit}
            </Button>
          </div>
        </header>
        {children}
        <KeptFiles holder={{ project: id }} className="mt-8" />
        <section aria-label={t.page.conversations} className="mt-8">
          {list.data && items.length === 0 && (
            <p className="text-center text-muted text-sm">{t.page.empty}</p>
          )}
          <ul>
            {items.map((item) => (
              <li key={item.id} className="border-line border-t">
                <Link
                  to="/c/$id"
                  params={{ id: item.id }}
                  className="-mx-2 flex min-h-12 items-center gap-4 rounded-sm px-2 py-2 text-sm hover:bg-tint"
                >
                  <span dir="auto" className="me-auto truncate">
                    {item.title || all.sidebar.untitled}
                  </span>
                  <time dateTime={item.updated_at} className="flex-none text-muted text-xs tabular-nums">
                    {date.format(new Date(item.updated_at))}
                  </time>
                </Link>
              </li>
            ))}
          </ul>
          {list.hasNextPage && (
            <Button
              look="quiet"
              className="mt-2"
              disabled={list.isFetching}
              onClick={() => list.fetchNextPage()}
            >
              {all.sidebar.more}
            </Button>
          )}
        </section>
      </div>
      {editing && (
        <ProjectForm project={project} close={() => setEditing(false)} done={() => setEditing(false)} />
      )}
    </div>
  );
}
