import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { useUser } from "~/account/useUser";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import type { PageProps } from "~/settings/Frame";
import { Page } from "~/settings/parts/Page";
import { Empty, Mark } from "~/settings/parts/Rows";
import { Waiting } from "~/settings/parts/Waiting";
import { useWhen } from "~/settings/parts/when";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Command } from "../Command";
import { useFigures } from "../figures";
import { stateOf } from "../lineage";
import { ModelPage } from "../ModelPage";
import { artifactsQuery, releasesQuery } from "../queries";
import { useLabWords } from "../words";

/** Everything that was made here and can be served; or one of it. */
export default function Models({ item }: PageProps) {
  const t = useLabWords().models;
  if (item) return <ModelPage key={item} name={item} />;
  return (
    <Page title={t.title} lead={t.lead}>
      <All />
    </Page>
  );
}

function All() {
  const all = useWords();
  const words = useLabWords();
  const t = words.models;
  const { ago } = useWhen();
  const { size } = useFigures();
  const email = useUser()?.email ?? "ADDRESS";
  const found = useInfiniteQuery(artifactsQuery);
  const releases = useInfiniteQuery(releasesQuery).data?.pages.flatMap(({ items }) => items) ?? [];
  const artifacts = found.data?.pages.flatMap(({ items }) => items);
  if (!artifacts)
    return found.error ? (
      <Trouble text={explain(found.error, all)} retry={() => found.refetch()} />
    ) : (
      <Waiting />
    );
  if (artifacts.length === 0)
    return (
      <Empty
        title={t.emptyTitle}
        text={t.empty}
        action={
          <div className="mx-auto max-w-md">
            <Command text={`causette lab register RUN --name NAME --as ${email}`} />
          </div>
        }
      />
    );
  return (
    <div>
      <ul aria-label={t.title} className="divide-y divide-line border-line border-y">
        {artifacts.map((artifact) => {
          const state = stateOf(artifact, releases);
          return (
            <li key={artifact.id}>
              <Link
                to="/lab/$page/$item"
                params={{ page: "models", item: artifact.id }}
                className="-mx-2 flex items-center gap-4 rounded-sm px-2 py-3 transition-colors duration-100 hover:bg-tint"
              >
                <span className="min-w-0 flex-1 leading-snug">
                  <span className="flex flex-wrap items-center gap-x-2.5 gap-y-0.5">
                    <span className="min-w-0 break-words font-medium">{artifact.name}</span>
                    <Mark look={state === "released" ? "good" : "plain"}>{t.states[state]}</Mark>
                  </span>
                  <span className="block text-muted text-sm">
                    {t.base(artifact.base)} · {size(artifact.size_bytes)} · {ago(artifact.created_at)}
                  </span>
                </span>
                <ChevronRight aria-hidden className="size-4 flex-none text-muted" />
              </Link>
            </li>
          );
        })}
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
