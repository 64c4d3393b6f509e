import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { Download, PackageOpen } from "lucide-react";
import { call } from "~/api/client";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import type { components } from "~/api/schema";
import { useLocale, useWords } from "~/i18n";
import { Section } from "~/settings/parts/Page";
import { useWhen } from "~/settings/parts/when";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { useSharingWords } from "./words";

type State = components["schemas"]["EverythingOut"];

const PATH = "/api/exports/everything";
const WORKING_MS = 1_000;

const everythingQuery = queryOptions({
  queryKey: ["export"],
  queryFn: () => call<State>("GET", PATH),
  refetchInterval: ({ state }) => (isWorking(state.data) ? WORKING_MS : false),
});

function isWorking(state: State | undefined): boolean {
  return state?.job?.status === "queued" || state?.job?.status === "running";
}

/** Everything as an archive: asked for, made in the background, and fetched for some days. */
export function Everything() {
  const all = useWords();
  const t = useSharingWords().everything;
  const locale = useLocale();
  const { day } = useWhen();
  const { data } = useQuery(everythingQuery);
  const ask = useMutation({
    mutationFn: () => call<State["job"]>("POST", PATH),
    onSuccess: () => queries.invalidateQueries({ queryKey: everythingQuery.queryKey }),
  });
  const working = isWorking(data);
  const { job, archive } = data ?? {};
  const megabytes = (bytes: number) =>
    (bytes / 1e6).toLocaleString(locale, { maximumFractionDigits: bytes < 1e7 ? 1 : 0 });
  return (
    <Section
      title={t.title}
      lead={t.lead}
      action={
        <Button look="outline" disabled={!data || working || ask.isPending} onClick={() => ask.mutate()}>
          <PackageOpen aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {archive ? t.again : t.make}
        </Button>
      }
    >
      {working && job && (
        <div>
          <progress
            aria-label={t.making}
            className="block h-1.5 w-full overflow-hidden rounded-full accent-accent"
            {...(job.total ? { value: job.progress, max: job.total } : {})}
          />
          <p className="mt-1.5 text-muted text-sm tabular-nums">
            {job.total
              ? t.progress(job.progress.toLocaleString(locale), job.total.toLocaleString(locale))
              : t.making}{" "}
            {t.background}
          </p>
        </div>
      )}
      {!working && job?.status === "failed" && <Trouble text={t.failed} retry={() => ask.mutate()} />}
      {ask.error && <Trouble text={explain(ask.error, all)} />}
      {archive && !working && (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-3" role="status">
          <a href={`${PATH}/file`} download className={buttonLook("primary")}>
            <Download aria-hidden className="size-4" strokeWidth={1.75} />
            {t.fetch(megabytes(archive.size))}
          </a>
          <p className="text-muted text-sm">{t.until(day(archive.made_at), day(archive.expires_at))}</p>
        </div>
      )}
    </Section>
  );
}
