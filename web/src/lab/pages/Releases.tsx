import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import type { PageProps } from "~/settings/Frame";
import { useAmounts } from "~/settings/money/amounts";
import { Page } from "~/settings/parts/Page";
import { Empty, Mark } from "~/settings/parts/Rows";
import { Waiting } from "~/settings/parts/Waiting";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { releasesQuery } from "../queries";
import { ReleasePage } from "../ReleasePage";
import { useLabWords } from "../words";

/** What is served in place of a model, and what was; or one of it. */
export default function Releases({ item }: PageProps) {
  const t = useLabWords().releases;
  if (item) return <ReleasePage key={item} name={item} />;
  return (
    <Page title={t.title} lead={t.lead}>
      <All />
    </Page>
  );
}

function All() {
  const all = useWords();
  const words = useLabWords();
  const t = words.releases;
  const amounts = useAmounts();
  const found = useInfiniteQuery(releasesQuery);
  const releases = found.data?.pages.flatMap(({ items }) => items);
  if (!releases)
    return found.error ? (
      <Trouble text={explain(found.error, all)} retry={() => found.refetch()} />
    ) : (
      <Waiting />
    );
  if (releases.length === 0)
    return (
      <Empty
        title={t.emptyTitle}
        text={t.empty}
        action={
          <Link to="/lab/$page" params={{ page: "models" }} className={buttonLook("primary")}>
            {t.toModels}
          </Link>
        }
      />
    );
  return (
    <div>
      <ul aria-label={t.title} className="divide-y divide-line border-line border-y">
        {releases.map((release) => (
          <li key={release.id}>
            <Link
              to="/lab/$page/$item"
              params={{ page: "releases", item: release.id }}
              className="-mx-2 flex items-center gap-4 rounded-sm px-2 py-3 transition-colors duration-100 hover:bg-tint"
            >
              <span className="min-w-0 flex-1 leading-snug">
                <span className="flex flex-wrap items-center gap-x-2.5 gap-y-0.5">
                  <span className="min-w-0 break-words font-medium">
                    {t.name(release.artifact, release.model)}
                  </span>
                  <Mark look={release.state === "released" ? "good" : "plain"}>
                    {t.states[release.state]}
                    {release.state === "canary" && ` · ${amounts.percent(release.share_percent / 100)}`}
                  </Mark>
                  {release.unserved.length > 0 && <Mark look="bad">{t.unserved.mark}</Mark>}
                </span>
                <span className="block text-muted text-sm">
                  {amounts.moment(release.begun_at)} · {t.by(release.begun_by)}
                </span>
              </span>
              <ChevronRight aria-hidden className="size-4 flex-none text-muted" />
            </Link>
          </li>
        ))}
      </ul>
      {found.hasNextPage && (
        <Button
          look="outline"
          className="mt-4"
          disabled={found.isFetchingNextPage}
          onClick={() => found.fetchNextPage()}
        >
          {words.more}
        </Button>
      )}
    </div>
  );
}
