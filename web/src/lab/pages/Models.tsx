import { useInfiniteQuery } from "@tanstack/react-query";
import { useUser } from "~/account/useUser";
import type { PageProps } from "~/settings/Frame";
import { Page } from "~/settings/parts/Page";
import { Empty } from "~/settings/parts/Rows";
import { useWhen } from "~/settings/parts/when";
import { Command } from "../Command";
import { Entries, Entry } from "../Entries";
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
  const t = useLabWords().models;
  const { ago } = useWhen();
  const { size } = useFigures();
  const email = useUser()?.email ?? "ADDRESS";
  const releases = useInfiniteQuery(releasesQuery).data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <Entries
      label={t.title}
      query={useInfiniteQuery(artifactsQuery)}
      empty={
        <Empty
          title={t.emptyTitle}
          text={t.empty}
          action={
            <div className="mx-auto max-w-md">
              <Command text={`causette lab register RUN --name NAME --as ${email}`} />
            </div>
          }
        />
      }
    >
      {(artifact) => {
        const state = stateOf(artifact, releases);
        return (
          <Entry
            key={artifact.id}
            page="models"
            id={artifact.id}
            name={artifact.name}
            mark={t.states[state]}
            good={state === "released"}
            about={`${t.base(artifact.base)} · ${size(artifact.size_bytes)} · ${ago(artifact.created_at)}`}
          />
        );
      }}
    </Entries>
  );
}
