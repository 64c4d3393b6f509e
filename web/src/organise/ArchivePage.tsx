import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArchiveRestore, Trash2 } from "lucide-react";
import { useEffect } from "react";
import { nameTab } from "~/alerts/unseen";
import { listQuery } from "~/api/queries";
import { deleteConversations, useLeaving } from "~/deleting";
import { useLocale, useWords } from "~/i18n";
import { Button } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { archive } from "./acts";
import { useOrganiseWords } from "./words";

const archivedQuery = listQuery({ scope: "archived" });

/** What is put away, and the ways back and out. */
export function ArchivePage() {
  const t = useOrganiseWords();
  const all = useWords();
  const locale = useLocale();
  const leaving = useLeaving();
  const list = useInfiniteQuery({ ...archivedQuery, staleTime: 0 });
  useEffect(() => {
    nameTab(t.archivePage.title);
  }, [t]);
  const items = list.data?.pages.flatMap((page) => page.items).filter((item) => !leaving.has(item.id)) ?? [];
  const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto w-full max-w-[42rem] px-4 pt-[max(4rem,10vh)] pb-10">
        <h1 className="font-serif text-xl tracking-tight">{t.archivePage.title}</h1>
        <p className="mt-1 mb-6 text-balance text-muted text-sm">{t.archivePage.lead}</p>
        {list.error && !list.data && <Trouble text={t.archivePage.failed} retry={() => list.refetch()} />}
        {list.data && items.length === 0 && <p className="text-muted">{t.archivePage.empty}</p>}
        <ul>
          {items.map((item) => {
            const title = item.title || all.sidebar.untitled;
            return (
              <li key={item.id} className="flex items-center gap-1 border-line border-t">
                <Link
                  to="/c/$id"
                  params={{ id: item.id }}
                  className="-ms-2 flex min-h-12 min-w-0 flex-1 items-center gap-4 rounded-sm px-2 py-2 text-sm hover:bg-tint"
                >
                  <span dir="auto" className="me-auto truncate">
                    {title}
                  </span>
                  <time dateTime={item.updated_at} className="flex-none text-muted text-xs tabular-nums">
                    {date.format(new Date(item.updated_at))}
                  </time>
                </Link>
                <IconButton
                  label={t.archivePage.restore(title)}
                  icon={ArchiveRestore}
                  onClick={() => archive([item.id], false)}
                />
                <IconButton
                  label={t.archivePage.delete(title)}
                  icon={Trash2}
                  onClick={() => deleteConversations([item.id], () => {})}
                />
              </li>
            );
          })}
        </ul>
        {list.hasNextPage && (
          <Button
            look="quiet"
            className="mt-2"
            disabled={list.isFetching}
            onClick={() => list.fetchNextPage()}
          >
            {t.archivePage.more}
          </Button>
        )}
      </div>
    </div>
  );
}
