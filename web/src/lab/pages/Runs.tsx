import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import type { LabRun } from "~/api/lab";
import type { PageProps } from "~/settings/Frame";
import { Page } from "~/settings/parts/Page";
import { Empty } from "~/settings/parts/Rows";
import { useWhen } from "~/settings/parts/when";
import { buttonLook } from "~/ui/Button";
import { Command } from "../Command";
import { Entries } from "../Entries";
import { useFigures } from "../figures";
import { Missing } from "../Missing";
import { runsQuery } from "../queries";
import { RunPage } from "../RunPage";
import { Sparkline } from "../Sparkline";
import { Progress, Status } from "../Status";
import { useLabWords } from "../words";

/** Everything that was run, the newest first; or one of it. */
export default function Runs({ item }: PageProps) {
  const t = useLabWords().runs;
  if (item) return <RunPage key={item} name={item} />;
  return (
    <Page
      title={t.title}
      lead={t.lead}
      action={
        <Link to="/lab/$page" params={{ page: "start" }} className={buttonLook("primary")}>
          <Plus aria-hidden className="size-4" />
          {t.start}
        </Link>
      }
    >
      <Missing />
      <All />
    </Page>
  );
}

function All() {
  const t = useLabWords().runs;
  return (
    <Entries
      label={t.title}
      query={useInfiniteQuery(runsQuery())}
      empty={
        <Empty
          title={t.emptyTitle}
          text={t.empty}
          action={
            <div className="mx-auto max-w-md space-y-4">
              <Link
                to="/lab/$page"
                params={{ page: "start" }}
                search={{ stage: "data" }}
                className={buttonLook("primary")}
              >
                {t.first}
              </Link>
              <p className="text-muted text-sm">{t.firstOrCommand}</p>
              <Command text="causette lab data sums.toml --name sums" />
            </div>
          }
        />
      }
    >
      {(run) => <One key={run.id} run={run} />}
    </Entries>
  );
}

function One({ run }: { run: LabRun }) {
  const t = useLabWords();
  const { ago } = useWhen();
  const { figure, score } = useFigures();
  const live = run.status === "running" || run.status === "waiting";
  const told = headline(run);
  const named = told && (t.sums[told[0]] ?? told[0]);
  return (
    <li>
      <Link
        to="/lab/$page/$item"
        params={{ page: "runs", item: run.id }}
        className="-mx-2 grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-6 gap-y-1 rounded-sm px-2 py-3 transition-colors duration-100 hover:bg-tint md:grid-cols-[minmax(0,1fr)_7rem_9rem_6rem]"
      >
        <span className="col-start-1 row-start-1 min-w-0 leading-snug">
          <span className="block break-words font-medium">{run.id}</span>
          <span className="block text-muted text-sm">
            {t.stages[run.stage]?.title ?? run.stage} · {ago(run.created_at)}
          </span>
        </span>
        <span className="col-start-2 row-start-1 justify-self-end md:justify-self-start">
          <Status status={run.status} />
        </span>
        <span className="min-w-0 text-sm max-md:col-span-2">
          {told && (
            <>
              <span className="text-muted md:block">{named} </span>
              <span className="tabular-nums">
                {run.stage === "evaluate" ? score(told[0], told[1]) : figure(told[0], told[1])}
              </span>
            </>
          )}
        </span>
        <span className="max-md:hidden">
          {run.curve && run.curve.points.length > 1 && (
            <Sparkline curve={run.curve} label={t.runs.curve(t.sums[run.curve.name] ?? run.curve.name)} />
          )}
        </span>
        {live && run.progress && (
          <span className="col-span-full">
            <Progress run={run} />
          </span>
        )}
        {run.status === "failed" && run.error && (
          <span className="col-span-full line-clamp-2 break-words text-danger text-sm">{run.error}</span>
        )}
      </Link>
    </li>
  );
}

const first = ["held_out_loss", "held_out_score", "held_out_accuracy", "loss", "reward", "records", "bytes"];

/** The one figure of a run that says most. */
function headline({ stage, figures }: LabRun): [string, number] | null {
  const name =
    stage === "evaluate"
      ? Object.keys(figures)[0]
      : (first.find((each) => figures[each] !== undefined) ?? Object.keys(figures)[0]);
  const value = name === undefined ? undefined : figures[name];
  return name === undefined || value === undefined ? null : [name, value];
}
