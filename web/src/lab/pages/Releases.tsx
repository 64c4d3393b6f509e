import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { PageProps } from "~/settings/Frame";
import { useAmounts } from "~/settings/money/amounts";
import { Page } from "~/settings/parts/Page";
import { Empty } from "~/settings/parts/Rows";
import { buttonLook } from "~/ui/Button";
import { Entries, Entry } from "../Entries";
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
  const t = useLabWords().releases;
  const amounts = useAmounts();
  return (
    <Entries
      label={t.title}
      query={useInfiniteQuery(releasesQuery)}
      empty={
        <Empty
          title={t.emptyTitle}
          text={t.empty}
          action={
            <Link to="/lab/$page" params={{ page: "models" }} className={buttonLook("primary")}>
              {t.toModels}
            </Link>
          }
        />
      }
    >
      {(release) => (
        <Entry
          key={release.id}
          page="releases"
          id={release.id}
          name={t.name(release.artifact, release.model)}
          mark={
            release.state === "canary"
              ? `${t.states.canary} · ${amounts.percent(release.share_percent / 100)}`
              : t.states[release.state]
          }
          good={release.state === "released"}
          trouble={release.unserved.length > 0 ? t.unserved.mark : undefined}
          about={`${amounts.moment(release.begun_at)} · ${t.by(release.begun_by)}`}
        />
      )}
    </Entries>
  );
}
