import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Boxes, CircleAlert, CircleCheck, CircleX, Database, FlaskConical, Rocket } from "lucide-react";
import { Fragment, type ReactNode, useState } from "react";
import { useUser } from "~/account/useUser";
import { type Artifact, type Check, type GateReport, lab, type Release } from "~/api/lab";
import { Facts, Figures } from "~/console/Figures";
import { notify } from "~/notices";
import { useAmounts } from "~/settings/money/amounts";
import { Confirm } from "~/settings/parts/Confirm";
import { Loaded } from "~/settings/parts/Loaded";
import { More } from "~/settings/parts/More";
import { Page, Section } from "~/settings/parts/Page";
import { Mark } from "~/settings/parts/Rows";
import { useWhen } from "~/settings/parts/when";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Acts } from "./Acts";
import { Begin } from "./Begin";
import { Command, Source } from "./Command";
import { useFigures } from "./figures";
import { gistOf, sourcesOf, stateOf } from "./lineage";
import { artifactQuery, labChanged, releasesQuery } from "./queries";
import { Reason } from "./Reason";
import { Up } from "./Up";
import { labWords, useLabWords } from "./words";

const LEAST_REASON = 10;
const groups = ["capability", "safety", "speed", "cost"] as const;

/** A model that was made here: what it is, where it comes from, what the gate and people say of it. */
export function ModelPage({ name }: { name: string }) {
  const t = useLabWords().models;
  const query = useQuery(artifactQuery(name));
  return (
    <>
      <Up page="models">{t.all}</Up>
      {query.error && !query.data ? (
        <Trouble text={t.gone} />
      ) : (
        <Loaded query={query}>{(artifact) => <Shown artifact={artifact} />}</Loaded>
      )}
    </>
  );
}

type Open = "sign" | "override" | "release" | null;

function Shown({ artifact }: { artifact: Artifact }) {
  const words = useLabWords();
  const t = words.models;
  const user = useUser();
  const { day } = useWhen();
  const amounts = useAmounts();
  const { size, figure } = useFigures();
  const navigate = useNavigate();
  const [open, setOpen] = useState<Open>(null);
  const found = useInfiniteQuery(releasesQuery).data?.pages.flatMap(({ items }) => items) ?? [];
  const releases = found.filter(({ artifact_id }) => artifact_id === artifact.id);
  const state = stateOf(artifact, releases);
  const report = artifact.reports[0];
  const close = () => setOpen(null);
  const done = (said: string) => {
    close();
    labChanged();
    notify(said);
  };
  const served = state === "canary" || state === "released";
  return (
    <Page
      title={artifact.name}
      lead={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <Mark look={state === "released" ? "good" : "plain"}>{t.states[state]}</Mark>
          <span className="text-sm">
            {t.base(artifact.base)} · {day(artifact.created_at)}
          </span>
        </span>
      }
      action={
        <div className="flex flex-wrap gap-2">
          {report && !artifact.releasable && report.passed && (
            <Button onClick={() => setOpen("sign")}>{t.sign}</Button>
          )}
          {report && !artifact.releasable && !report.passed && (
            <Button look="outline" onClick={() => setOpen("override")}>
              {t.override}
            </Button>
          )}
          {artifact.releasable && !served && <Button onClick={() => setOpen("release")}>{t.release}</Button>}
        </div>
      }
    >
      <Gate artifact={artifact} report={report} />
      {artifact.approvals.length > 0 && <Word artifact={artifact} />}
      <Tree artifact={artifact} releases={releases} />
      {Object.keys(artifact.metrics).length > 0 && (
        <Section title={t.training}>
          <Figures
            label={t.training}
            items={Object.entries(artifact.metrics)
              .slice(0, 12)
              .map(([name, value]) => [words.sums[name] ?? name, figure(name, value)])}
          />
        </Section>
      )}
      <Section title={t.facts}>
        <Facts
          items={[
            [t.size, size(artifact.size_bytes)],
            [
              t.hash,
              <code key="hash" className="break-all font-mono text-[0.9375em]">
                {artifact.sha256}
              </code>,
            ],
            [t.cost, amounts.dollars(artifact.cost_nano)],
            [t.by, artifact.created_by],
            ...Object.entries(artifact.lineage.code).map(([name, version]) => [name, version] as const),
          ]}
        />
      </Section>
      <Acts target={artifact.id} title={t.history} />
      {open === "sign" && (
        <Confirm
          title={t.signTitle(artifact.name)}
          lead={t.signLead(user?.email ?? "")}
          label={t.sign}
          act={() => lab.sign(artifact.id)}
          done={() => done(labWords().models.signed)}
          close={close}
        />
      )}
      {open === "override" && (
        <Reason
          title={t.overrideTitle(artifact.name)}
          lead={t.overrideLead(user?.email ?? "")}
          label={t.override}
          words={{ label: t.reason, hint: t.reasonHint, short: t.reasonShort }}
          least={LEAST_REASON}
          act={(reason) => lab.override(artifact.id, reason)}
          done={() => done(labWords().models.signed)}
          close={close}
        />
      )}
      {open === "release" && (
        <Begin
          artifact={artifact}
          begun={(release) => {
            done(labWords().models.begun);
            navigate({ to: "/lab/$page/$item", params: { page: "releases", item: release.id } });
          }}
          close={close}
        />
      )}
    </Page>
  );
}

/** What the gate found, check by check. */
function Gate({ artifact, report }: { artifact: Artifact; report: GateReport | undefined }) {
  const t = useLabWords().models;
  const amounts = useAmounts();
  if (!report)
    return (
      <Section title={t.gate}>
        <p className="mb-3 text-muted text-sm">{t.unmeasured}</p>
        <Command text={`causette lab gate ${artifact.name}`} />
      </Section>
    );
  const failed = report.checks.filter(({ passed }) => !passed).length;
  const Icon = report.passed ? CircleCheck : CircleAlert;
  return (
    <Section title={t.gate} lead={t.gateLead(report.baseline, amounts.moment(report.created_at))}>
      <p className="mb-4 flex gap-2.5">
        <Icon
          aria-hidden
          className={`mt-1 size-4 flex-none ${report.passed ? "text-positive" : "text-danger"}`}
        />
        {report.passed ? t.passed : failed > 0 ? t.failed(failed) : t.incomplete}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must be able to reach it */}
      <section aria-label={t.gate} tabIndex={0} className="overflow-x-auto">
        <table className="w-full min-w-[44rem] border-collapse text-sm tabular-nums">
          <thead>
            <tr className="border-control border-b">
              <th scope="col" className="py-2 pe-6 text-start font-medium">
                {t.check}
              </th>
              <th scope="col" className="py-2 ps-6 text-end font-medium">
                {t.candidate}
              </th>
              <th scope="col" className="py-2 ps-6 text-end font-medium">
                {t.baseline}
              </th>
              <th scope="col" className="py-2 ps-8 text-start font-medium">
                {t.asked}
              </th>
              <th scope="col" className="py-2 ps-6 text-start font-medium">
                {t.found}
              </th>
            </tr>
          </thead>
          <tbody>
            {groups.map((group) => {
              const checks = report.checks.filter((check) => check.group === group);
              return (
                checks.length > 0 && (
                  <Fragment key={group}>
                    <tr>
                      <th
                        scope="colgroup"
                        colSpan={5}
                        className="pt-5 pb-1.5 text-start font-normal text-muted"
                      >
                        {t.groups[group]}
                      </th>
                    </tr>
                    {checks.map((check) => (
                      <Found key={check.name} check={check} />
                    ))}
                  </Fragment>
                )
              );
            })}
          </tbody>
        </table>
      </section>
    </Section>
  );
}

function Found({ check }: { check: Check }) {
  const t = useLabWords().models;
  const { measured } = useFigures();
  const value = (found: number | null) => (found === null ? "–" : measured(found, check.unit));
  return (
    <tr className="border-line border-b align-top">
      <th scope="row" className="py-2 pe-6 text-start font-normal normal-nums">
        <span className="flex gap-2.5">
          {check.passed ? (
            <CircleCheck aria-label={t.ok} role="img" className="mt-0.5 size-4 flex-none text-positive" />
          ) : (
            <CircleX aria-label={t.notOk} role="img" className="mt-0.5 size-4 flex-none text-danger" />
          )}
          <span className={`break-words ${check.passed ? "" : "font-medium"}`}>{check.name}</span>
        </span>
      </th>
      <td className="whitespace-nowrap py-2 ps-6 text-end">{value(check.candidate)}</td>
      <td className="whitespace-nowrap py-2 ps-6 text-end text-muted">{value(check.baseline)}</td>
      <td className="py-2 ps-8 text-muted">{check.asked}</td>
      <td className={`py-2 ps-6 ${check.passed ? "" : "text-danger"}`}>{check.found}</td>
    </tr>
  );
}

/** What people said of it. */
function Word({ artifact: { approvals, reports } }: { artifact: Artifact }) {
  const t = useLabWords().models;
  const amounts = useAmounts();
  return (
    <Section title={t.word}>
      <ul className="space-y-3 text-sm">
        {approvals.map((approval) => (
          <li key={approval.id}>
            <span className="font-medium">
              {(approval.kind === "signed" ? t.signedBy : t.overriddenBy)(
                approval.actor,
                amounts.moment(approval.created_at),
              )}
            </span>
            {approval.report_id !== reports[0]?.id && <span className="text-muted"> · {t.outdated}</span>}
            {approval.reason && <span className="block text-pretty text-muted">{approval.reason}</span>}
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** Where it comes from and where it went: data, runs, the model, its releases. */
function Tree({ artifact, releases }: { artifact: Artifact; releases: readonly Release[] }) {
  const words = useLabWords();
  const t = words.models;
  const amounts = useAmounts();
  const { lineage } = artifact;
  const sources = sourcesOf(lineage.data);
  const stages = lineage.recipes.map((recipe) => recipe as Record<string, unknown>);
  return (
    <Section title={t.lineage} lead={t.lineageLead}>
      <ol className="ms-1.5 space-y-6 border-line border-s">
        <Node icon={Boxes} kind={t.tree.parent} title={lineage.parent} />
        <Node
          icon={Database}
          kind={t.tree.data}
          title={sources.length === 0 ? <span className="font-normal text-muted">{t.noData}</span> : null}
        >
          <ul className="space-y-1.5">
            {sources.map((source) => (
              <li key={`${source.file} ${source.sha256}`}>
                <span className="font-medium">{source.file}</span>
                {source.licence && <span className="text-muted"> · {t.licence(source.licence)}</span>}
                {source.sha256 && (
                  <code className="block break-all font-mono text-muted text-xs">{source.sha256}</code>
                )}
              </li>
            ))}
          </ul>
        </Node>
        {stages.map((recipe, place) => {
          const stage = String(recipe.stage ?? "");
          const title = words.stages[stage]?.title ?? stage;
          const last = place === stages.length - 1;
          return (
            <Node
              // biome-ignore lint/suspicious/noArrayIndexKey: a stage is its place in the order
              key={place}
              icon={FlaskConical}
              kind={t.tree.run}
              title={
                last ? (
                  <>
                    {title} · <RunLink name={lineage.run_id} />
                  </>
                ) : (
                  title
                )
              }
            >
              <p className="break-words text-muted">{gistOf(recipe)}</p>
              <More title={words.run.recipe}>
                <Source label={words.run.recipe} text={JSON.stringify(recipe, null, 2)} />
              </More>
            </Node>
          );
        })}
        {stages.length === 0 && (
          <Node icon={FlaskConical} kind={t.tree.run} title={<RunLink name={lineage.run_id} />} />
        )}
        <Node icon={Boxes} kind={t.tree.artifact} title={artifact.name}>
          <code className="block break-all font-mono text-muted text-xs">{artifact.sha256}</code>
        </Node>
        {releases.length === 0 ? (
          <Node
            icon={Rocket}
            kind={t.tree.release}
            title={<span className="font-normal text-muted">{t.noReleases}</span>}
          />
        ) : (
          releases.map((release) => (
            <Node
              key={release.id}
              icon={Rocket}
              kind={t.tree.release}
              title={
                <Link
                  to="/lab/$page/$item"
                  params={{ page: "releases", item: release.id }}
                  className="underline-offset-4 hover:underline"
                >
                  {words.releases.states[release.state]} · {amounts.moment(release.begun_at)}
                </Link>
              }
            />
          ))
        )}
      </ol>
    </Section>
  );
}

function RunLink({ name }: { name: string }) {
  return (
    <Link
      to="/lab/$page/$item"
      params={{ page: "runs", item: name }}
      className="break-words underline-offset-4 hover:underline"
    >
      {name}
    </Link>
  );
}

function Node({
  icon: Icon,
  kind,
  title,
  children,
}: {
  icon: typeof Boxes;
  kind: string;
  title: ReactNode;
  children?: ReactNode;
}) {
  return (
    <li className="relative ps-7 text-sm">
      <span
        aria-hidden
        className="absolute start-0 top-0 flex size-7 -translate-x-1/2 items-center justify-center rounded-full border border-line bg-paper text-muted rtl:translate-x-1/2"
      >
        <Icon className="size-3.5" strokeWidth={1.75} />
      </span>
      <p className="text-muted text-xs">{kind}</p>
      {title && <p className="break-words font-medium">{title}</p>}
      {children}
    </li>
  );
}
