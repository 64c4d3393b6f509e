import { useMutation, useQueries, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Table2, X } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { type Curve, type LabRunDetails, lab, type Named } from "~/api/lab";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import { Facts, Figures } from "~/console/Figures";
import { useNow, useWords } from "~/i18n";
import { notify } from "~/notices";
import { useAmounts } from "~/settings/money/amounts";
import { useTableKey } from "~/settings/money/useTableKey";
import { Confirm } from "~/settings/parts/Confirm";
import { Loaded } from "~/settings/parts/Loaded";
import { More } from "~/settings/parts/More";
import { Page, Section } from "~/settings/parts/Page";
import { Select } from "~/settings/parts/Select";
import { Waiting } from "~/settings/parts/Waiting";
import { useWhen } from "~/settings/parts/when";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Source } from "./Command";
import { chartsOf, type Drawn } from "./curves";
import { useFigures } from "./figures";
import { LineChart } from "./LineChart";
import { eventsQuery, labChanged, runQuery } from "./queries";
import { Replies } from "./Replies";
import { Progress, Status } from "./Status";
import { Up } from "./Up";
import { labWords, useLabWords } from "./words";

// More lines than these are a tangle.
const MOST_BESIDE = 3;

/** A run: how it does, what it tells, what it was asked and what it has made. */
export function RunPage({ name }: { name: string }) {
  const t = useLabWords();
  const query = useQuery(runQuery(name));
  return (
    <>
      <Up page="runs">{t.runs.all}</Up>
      {query.error && !query.data ? (
        <Trouble text={t.run.gone} />
      ) : (
        <Loaded query={query}>{(run) => <Shown run={run} />}</Loaded>
      )}
    </>
  );
}

function Shown({ run }: { run: LabRunDetails }) {
  const words = useLabWords();
  const t = words.run;
  const live = run.status === "running" || run.status === "waiting";
  useEffect(() => {
    // What it told last came after it was looked at last.
    if (!live) queries.invalidateQueries({ queryKey: ["lab", "events", run.id] });
  }, [live, run.id]);
  return (
    <Page
      title={run.id}
      lead={
        <span className="flex flex-wrap items-center gap-x-4 gap-y-1">
          <Status status={run.status} />
          <span className="text-sm">
            {words.stages[run.stage]?.title ?? run.stage} · <Times run={run} />
          </span>
        </span>
      }
      action={<Acts run={run} />}
    >
      <Told run={run} />
      {live && <Progress run={run} />}
      <Sums run={run} />
      <Curves run={run} live={live} />
      {run.stage === "evaluate" && run.artifact && (
        <Section title={t.replies}>
          <Replies name={run.id} />
        </Section>
      )}
      <Notes name={run.id} live={live} />
      <Section
        title={t.recipe}
        lead={t.recipeLead}
        action={
          <Link
            to="/lab/$page"
            params={{ page: "start" }}
            search={{ from: run.id }}
            className={buttonLook("outline")}
          >
            {t.again}
          </Link>
        }
      >
        <Source label={t.recipe} text={run.recipe} />
      </Section>
      <Ties run={run} />
      <Section title={t.where}>
        <Facts
          items={[
            [t.machine, run.machine || null],
            ...Object.entries(run.versions).map(([name, version]) => [name, version] as const),
          ]}
        />
      </Section>
    </Page>
  );
}

function Times({ run: { created_at, finished_at, status, progress, figures } }: { run: LabRunDetails }) {
  const t = useLabWords().run;
  const { ago } = useWhen();
  const amounts = useAmounts();
  const now = useNow();
  const began = new Date(created_at).getTime();
  const parts = [t.since(ago(created_at))];
  if (finished_at && status === "done")
    parts.push(t.took(amounts.lasted((new Date(finished_at).getTime() - began) * 1e6)));
  const done = progress?.done ?? 0;
  // As long for each step as it took so far; only where that is a while.
  if (status === "running" && progress && done > 0 && figures.steps === undefined && now - began > 30_000)
    parts.push(t.left(amounts.lasted(((now - began) / done) * (progress.total - done) * 1e6)));
  return parts.join(" · ");
}

function Acts({ run }: { run: LabRunDetails }) {
  const all = useWords();
  const t = useLabWords().run;
  const [stopping, setStopping] = useState(false);
  const resuming = useMutation({
    mutationFn: () => lab.resume(run.id),
    onSuccess: () => {
      labChanged();
      notify(labWords().run.resumed);
    },
    onError: (error) => notify(explain(error, all)),
  });
  return (
    <div className="flex flex-wrap gap-2">
      {run.can_resume && (
        <Button disabled={resuming.isPending} onClick={() => resuming.mutate()}>
          {t.resume}
        </Button>
      )}
      {run.can_stop && (
        <Button look="outline" onClick={() => setStopping(true)}>
          {t.stop}
        </Button>
      )}
      {stopping && (
        <Confirm
          title={t.stopTitle(run.id)}
          lead={t.stopLead}
          label={t.stop}
          act={() => lab.stop(run.id)}
          done={() => {
            setStopping(false);
            labChanged();
            notify(labWords().run.stopping);
          }}
          close={() => setStopping(false)}
        />
      )}
    </div>
  );
}

/** What there is to say of how a run does: why it ended, and what to do. */
function Told({ run: { status, error, can_stop } }: { run: LabRunDetails }) {
  const t = useLabWords().run;
  if (status === "failed" && error)
    return (
      <div role="alert" className="rounded-md bg-danger-tint px-4 py-3 text-sm">
        <p className="font-medium text-danger">{t.failed}</p>
        <p className="mt-1 whitespace-pre-wrap break-words">{error}</p>
        <p className="mt-2 text-muted">{t.failedHint}</p>
      </div>
    );
  if (status === "interrupted" && error)
    return (
      <p className="rounded-md border border-line bg-sunken px-4 py-3 text-sm">
        <span className="font-medium">{t.stopped}.</span> <span className="text-muted">{error}</span>
      </p>
    );
  const said = status === "waiting" ? t.waiting : status === "running" && !can_stop ? t.elsewhere : null;
  return said && <p className="text-muted text-sm">{said}</p>;
}

const always = ["mfu", "flops", "peak"];

function Sums({ run: { figures, status, stage } }: { run: LabRunDetails }) {
  const words = useLabWords();
  const { figure, score } = useFigures();
  const names = Object.keys(figures).filter((name) => !/_(low|high)$/.test(name));
  if (names.length === 0) return null;
  const value = (name: string): ReactNode => {
    const [mean, low, high] = [figures[name], figures[`${name}_low`], figures[`${name}_high`]];
    if (mean === undefined) return null;
    if (low === undefined || high === undefined) return figure(name, mean);
    const said = (each: number) => (stage === "evaluate" ? score(name, each) : figure(name, each));
    return (
      <>
        {said(mean)}
        <span className="block font-sans text-muted text-xs">
          {said(low)} – {said(high)}
        </span>
      </>
    );
  };
  const sorted = [
    ...names.filter((name) => !always.includes(name)),
    ...names.filter((name) => always.includes(name)),
  ];
  const title = status === "done" ? words.run.figures : words.run.now;
  return (
    <Figures
      label={title}
      items={sorted.slice(0, 12).map((name) => [words.sums[name] ?? name, value(name)])}
    />
  );
}

function Curves({ run, live }: { run: LabRunDetails; live: boolean }) {
  const words = useLabWords();
  const t = words.run;
  const navigate = useNavigate();
  const { beside } = useSearch({ strict: false });
  const names = (beside ?? "")
    .split(",")
    .filter((each) => each && each !== run.id)
    .slice(0, MOST_BESIDE);
  const own = useQuery(eventsQuery(run.id, live));
  const others = useQueries({ queries: names.map((name) => eventsQuery(name, false)) });
  const [table, setTable] = useTableKey();
  const [log, setLog] = useState(false);
  if (!own.data) return <Waiting />;
  if (own.data.curves.length === 0)
    return !live || run.progress === null ? null : (
      <Section title={t.curves}>
        <p className="text-muted text-sm">{t.noCurves}</p>
      </Section>
    );
  const { main, others: rest } = chartsOf([
    { name: run.id, curves: own.data.curves as Curve[] },
    ...names.map((name, place) => ({ name, curves: others[place]?.data?.curves ?? [] })),
  ]);
  const over = (chosen: readonly string[]) =>
    navigate({
      to: "/lab/$page/$item",
      params: { page: "runs", item: run.id },
      search: chosen.length ? { beside: chosen.join(",") } : {},
      replace: true,
      resetScroll: false,
    });
  const title = (chart: Drawn) =>
    (words.charts as Record<string, unknown>)[chart.name]?.toString() ??
    words.figures[chart.name] ??
    chart.name;
  return (
    <Section
      title={t.curves}
      action={
        <div className="flex flex-wrap items-end gap-2">
          <button
            type="button"
            aria-pressed={log}
            onClick={() => setLog(!log)}
            className={`${buttonLook("outline")} h-9! px-3! aria-pressed:border-accent aria-pressed:bg-accent-tint`}
          >
            {words.charts.log}
          </button>
          <button
            type="button"
            aria-keyshortcuts="T"
            title={`${table ? words.charts.asChart : words.charts.asTable} (T)`}
            onClick={() => setTable(!table)}
            className={`${buttonLook("outline")} h-9! px-3!`}
          >
            <Table2 aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
            {table ? words.charts.asChart : words.charts.asTable}
          </button>
        </div>
      }
    >
      <Beside run={run} names={names} over={over} />
      <div className="mt-6 grid gap-x-12 gap-y-10 lg:grid-cols-2">
        {main.map((chart, place) => (
          <figure
            key={chart.name}
            aria-label={title(chart)}
            className={`min-w-0 ${place === 0 ? "lg:col-span-2" : ""}`}
          >
            <figcaption className="mb-4 font-medium text-sm">{title(chart)}</figcaption>
            <LineChart
              chart={chart}
              title={title(chart)}
              table={table}
              log={log && chart.name !== "accuracy" && chart.name !== "reward"}
              tall={place === 0}
            />
          </figure>
        ))}
      </div>
      {rest.length > 0 && (
        <div className="mt-8">
          <More title={words.charts.others}>
            <div className="mt-4 grid gap-x-12 gap-y-10 lg:grid-cols-2">
              {rest.map((chart) => (
                <figure key={chart.name} aria-label={title(chart)} className="min-w-0">
                  <figcaption className="mb-4 font-medium text-sm">{title(chart)}</figcaption>
                  <LineChart chart={chart} title={title(chart)} table={table} log={log} />
                </figure>
              ))}
            </div>
          </More>
        </div>
      )}
    </Section>
  );
}

/** Other runs whose curves are laid over this one's. */
function Beside({
  run,
  names,
  over,
}: {
  run: LabRunDetails;
  names: readonly string[];
  over: (names: readonly string[]) => void;
}) {
  const t = useLabWords().run;
  const others = useQuery({
    queryKey: ["lab", "alike", run.stage],
    queryFn: async () => (await lab.runs(null, run.stage)).items,
    staleTime: 30_000,
  });
  const free = (others.data ?? []).filter(
    ({ id, curve }) => id !== run.id && curve !== null && !names.includes(id),
  );
  if (names.length === 0 && free.length === 0) return null;
  return (
    <div className="flex flex-wrap items-center gap-2">
      {names.map((name) => (
        <span
          key={name}
          className="inline-flex h-9 items-center gap-1 rounded-sm border border-line bg-raised ps-3 text-sm touch:h-11"
        >
          {name}
          <button
            type="button"
            aria-label={t.overDrop(name)}
            onClick={() => over(names.filter((each) => each !== name))}
            className="flex size-8 items-center justify-center rounded-sm text-muted hover:text-ink touch:size-11"
          >
            <X aria-hidden className="size-4" />
          </button>
        </span>
      ))}
      {names.length < MOST_BESIDE && free.length > 0 && (
        <Select small hideLabel label={t.over} value="" choose={(name) => name && over([...names, name])}>
          <option value="">{t.overNone}</option>
          {free.map(({ id }) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </Select>
      )}
    </div>
  );
}

function Notes({ name, live }: { name: string; live: boolean }) {
  const t = useLabWords().run;
  const amounts = useAmounts();
  const { data } = useQuery(eventsQuery(name, live));
  if (!data?.notes.length) return null;
  return (
    <Section title={t.notes}>
      <ol className="space-y-2 text-sm">
        {data.notes.map(({ at, text }) => (
          <li key={`${at} ${text}`} className="flex flex-wrap gap-x-4">
            <time dateTime={at} className="flex-none text-muted tabular-nums">
              {amounts.moment(at)}
            </time>
            <span className="min-w-0 flex-1 basis-64 break-words">{text}</span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

/** What it was made from, what it made, and who uses that. */
function Ties({ run }: { run: LabRunDetails }) {
  const words = useLabWords();
  const t = words.run;
  const link = (named: Named) => {
    const stage = named.stage && (words.stages[named.stage]?.title ?? named.stage);
    return (
      <span key={`${named.role} ${named.name}`} className="block">
        <span className="text-muted">{named.is_run ? stage : t.roles[named.role]} </span>
        {named.is_run ? (
          <Link
            to="/lab/$page/$item"
            params={{ page: "runs", item: named.name }}
            className="break-words font-medium underline-offset-4 hover:underline"
          >
            {named.name}
          </Link>
        ) : (
          <code className="break-all font-mono text-[0.9375em]">{named.name}</code>
        )}
      </span>
    );
  };
  if (!run.artifact && run.made_from.length === 0 && run.used_by.length === 0) return null;
  return (
    <Section
      title={run.artifact ? t.made : t.from}
      action={
        run.artifact && (
          <div className="flex flex-wrap gap-2">
            {(run.kind === "model" || run.kind === "adapter") && (
              <>
                <Onward stage="evaluate" model={run.id}>
                  {t.nextSteps.evaluate}
                </Onward>
                <Onward stage="export" model={run.id}>
                  {t.nextSteps.export}
                </Onward>
              </>
            )}
            {run.kind === "evaluation" && (
              <Link
                to="/lab/$page"
                params={{ page: "compare" }}
                search={{ before: run.id }}
                className={buttonLook("outline")}
              >
                {t.nextSteps.compare}
              </Link>
            )}
            {run.kind === "dataset" && (
              <Onward stage="sft" model={run.id}>
                {t.nextSteps.sft}
              </Onward>
            )}
          </div>
        )
      }
    >
      <Facts
        items={[
          [t.made, run.artifact && run.kind && (t.kinds[run.kind] ?? run.kind)],
          [
            t.folder,
            run.artifact && <code className="break-all font-mono text-[0.9375em]">{run.artifact}</code>,
          ],
          [t.from, run.made_from.length > 0 ? run.made_from.map(link) : null],
          [t.used, run.used_by.length > 0 ? run.used_by.map(link) : null],
        ]}
      />
    </Section>
  );
}

function Onward({ stage, model, children }: { stage: string; model: string; children: string }) {
  return (
    <Link
      to="/lab/$page"
      params={{ page: "start" }}
      search={{ stage, using: model }}
      className={buttonLook("outline")}
    >
      {children}
    </Link>
  );
}
