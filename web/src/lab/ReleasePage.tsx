import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck } from "lucide-react";
import { useState } from "react";
import { type Arm, lab, type Release } from "~/api/lab";
import { explain } from "~/api/problems";
import { Facts } from "~/console/Figures";
import { useLocale, useNow, useWords } from "~/i18n";
import { notify } from "~/notices";
import { useAmounts } from "~/settings/money/amounts";
import { Confirm } from "~/settings/parts/Confirm";
import { Loaded } from "~/settings/parts/Loaded";
import { Page, Section } from "~/settings/parts/Page";
import { Mark } from "~/settings/parts/Rows";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Acts } from "./Acts";
import { useFigures } from "./figures";
import { regressionOf, troubleOf } from "./lineage";
import { labChanged, releaseQuery } from "./queries";
import { Reason } from "./Reason";
import { Share } from "./Share";
import { Up } from "./Up";
import { labWords, useLabWords } from "./words";

const LEAST_REASON = 3;

/** A model in the place of another: to whom, how it does, and what can be done about it. */
export function ReleasePage({ name }: { name: string }) {
  const t = useLabWords().releases;
  const query = useQuery(releaseQuery(name));
  return (
    <>
      <Up page="releases">{t.all}</Up>
      {query.error && !query.data ? (
        <Trouble text={t.gone} />
      ) : (
        <Loaded query={query}>{(release) => <Shown release={release} />}</Loaded>
      )}
    </>
  );
}

type Open = "promote" | "rollBack" | "undo" | null;

function Shown({ release }: { release: Release }) {
  const t = useLabWords().releases;
  const amounts = useAmounts();
  const { plain } = useFigures();
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const done = (said: string) => {
    close();
    labChanged();
    notify(said);
  };
  const { standing, state, bounds } = release;
  const canary = state === "canary";
  const why = { label: t.why, hint: t.whyHint, short: t.whyShort };
  return (
    <Page
      title={t.name(release.artifact, release.model)}
      lead={
        <Mark look={state === "released" ? "good" : "plain"}>
          {t.states[state]}
          {canary && ` · ${amounts.percent(release.share_percent / 100)}`}
        </Mark>
      }
      action={
        <div className="flex flex-wrap gap-2">
          {canary && (
            <>
              <Button disabled={(standing?.regressions.length ?? 0) > 0} onClick={() => setOpen("promote")}>
                {t.promote}
              </Button>
              <Button look="outline" onClick={() => setOpen("rollBack")}>
                {t.rollBack}
              </Button>
            </>
          )}
          {state === "released" && (
            <Button look="outline" onClick={() => setOpen("undo")}>
              {t.undo}
            </Button>
          )}
        </div>
      }
    >
      {release.unserved.length > 0 && <Unserved release={release} />}
      {standing && (
        <Section title={t.canary} lead={t.canaryLead}>
          {canary && <Verdict release={release} />}
          <Arms stable={standing.arms.stable} canary={standing.arms.canary} />
        </Section>
      )}
      {canary && <Served release={release} />}
      <Section title={t.facts}>
        <Facts
          items={[
            [
              t.artifact,
              <Link
                key="artifact"
                to="/lab/$page/$item"
                params={{ page: "models", item: release.artifact_id }}
                className="font-medium underline-offset-4 hover:underline"
              >
                {release.artifact}
              </Link>,
            ],
            [t.model, release.model],
            [t.begun, `${amounts.moment(release.begun_at)} · ${t.by(release.begun_by)}`],
            [t.promotedAt, release.promoted_at && amounts.moment(release.promoted_at)],
            [t.ended, release.ended_at && amounts.moment(release.ended_at)],
            [t.reason, release.reason || null],
            [
              t.bounds,
              `${t.boundsOf(plain(bounds.slower), amounts.count(bounds.requests), plain(bounds.minutes))}; ${bounds.promotes ? t.byItself : t.byHand}`,
            ],
            [
              t.before,
              state !== "released" ? null : release.previous_id ? (
                <Link
                  key="before"
                  to="/lab/$page/$item"
                  params={{ page: "releases", item: release.previous_id }}
                  className="underline-offset-4 hover:underline"
                >
                  {release.previous_id}
                </Link>
              ) : (
                t.beforeNone
              ),
            ],
          ]}
        />
      </Section>
      <Acts target={release.id} title={t.history} />
      {open === "promote" && (
        <Confirm
          title={t.promoteTitle(release.artifact)}
          lead={t.promoteLead(release.model)}
          label={t.promote}
          act={() => lab.promote(release.id)}
          done={() => done(labWords().releases.promoted)}
          close={close}
        />
      )}
      {open === "rollBack" && (
        <Reason
          title={t.rollBackTitle(release.artifact)}
          lead={t.rollBackLead}
          label={t.rollBack}
          words={why}
          least={LEAST_REASON}
          act={(reason) => lab.rollBack(release.id, reason)}
          done={() => done(labWords().releases.rolledBack)}
          close={close}
        />
      )}
      {open === "undo" && (
        <Reason
          title={t.undoTitle(release.artifact)}
          lead={t.undoLead}
          label={t.undo}
          words={why}
          least={LEAST_REASON}
          act={(reason) => lab.undo(release.id, reason)}
          done={() => done(labWords().releases.undone)}
          close={close}
        />
      )}
    </Page>
  );
}

/** Where it cannot be served although it is in force, why, and what is served there instead. */
function Unserved({ release }: { release: Release }) {
  const t = useLabWords().releases.unserved;
  const amounts = useAmounts();
  return (
    <div role="alert" className="mb-5 max-w-[44rem] rounded-md bg-danger-tint px-4 py-3 text-sm">
      <p className="font-medium text-danger">{t.title}</p>
      <ul className="mt-1 space-y-2">
        {release.unserved.map(({ process, since, reason, instead }) => {
          const kind = troubleOf(reason);
          return (
            <li key={process}>
              <p className="break-words text-muted">{t.at(process, amounts.moment(since))}</p>
              <p className="break-words">
                {kind ? t[kind] : reason} {t.instead(instead)}
              </p>
            </li>
          );
        })}
      </ul>
      <p className="mt-2 text-muted">{t.again}</p>
    </div>
  );
}

/** What speaks against a canary; or what it still needs, counted here so that it is said in the reader's language. */
function Verdict({ release: { standing, bounds, begun_at } }: { release: Release }) {
  const t = useLabWords().releases;
  const amounts = useAmounts();
  const said = useRegression();
  const now = useNow();
  if (!standing) return null;
  if (standing.regressions.length > 0)
    return (
      <div role="alert" className="mb-5 rounded-md bg-danger-tint px-4 py-3 text-sm">
        <p className="font-medium text-danger">{t.against}</p>
        <ul className="mt-1 space-y-1">
          {standing.regressions.map((each) => (
            <li key={each}>{said(each)}</li>
          ))}
        </ul>
        <p className="mt-2 text-muted">{t.againstHint}</p>
      </div>
    );
  const requests = bounds.requests - (standing.arms.canary?.tally.requests ?? 0);
  // The page's clock ticks once a minute, and may be before the release.
  const passed = Math.max(0, now - new Date(begun_at).getTime()) / 60_000;
  const minutes = Math.ceil(bounds.minutes - passed);
  const missing = [
    requests > 0 && t.requests(amounts.count(requests)),
    minutes > 0 && t.minutes(amounts.count(minutes)),
  ].filter((each) => each !== false);
  return (
    <p className="mb-5 flex gap-2.5 text-sm">
      <CircleCheck aria-hidden className="mt-0.5 size-4 flex-none text-positive" />
      <span>
        {t.nothing}{" "}
        <span className="text-muted">
          {missing.length === 0
            ? t.enough
            : (bounds.promotes ? t.missing : t.missingByHand)(missing.join(t.and))}
        </span>
      </span>
    </p>
  );
}

function useRegression(): (said: string) => string {
  const t = useLabWords().releases.regressed;
  const locale = useLocale();
  const amounts = useAmounts();
  const decimal = (text: string) => (locale === "fr" ? text.replace(".", ",") : text);
  return (said) => {
    const found = regressionOf(said);
    if (!found) return said;
    if (found.kind === "slower") return t.slower(decimal(found.times), decimal(found.most));
    const { bad, of, badBefore, ofBefore } = found;
    const counted = [bad, of, badBefore, ofBefore].map((each) => amounts.count(Number(each)));
    return t[found.kind](counted[0] ?? "", counted[1] ?? "", counted[2] ?? "", counted[3] ?? "");
  };
}

/** What was seen of those who are served as before, and of those who are served the canary. */
function Arms({ stable, canary }: { stable: Arm | undefined; canary: Arm | undefined }) {
  const t = useLabWords().releases;
  const amounts = useAmounts();
  if (!stable || !canary) return null;
  const failed = ({ tally }: Arm) =>
    tally.requests === 0
      ? amounts.count(tally.errors)
      : `${amounts.count(tally.errors)} (${amounts.percent(tally.errors / tally.requests)})`;
  const rows: readonly (readonly [string, (arm: Arm) => string])[] = [
    [t.rows.requests, ({ tally }) => amounts.count(tally.requests)],
    [t.rows.errors, failed],
    [
      t.rows.first,
      ({ tally }) =>
        tally.first_token_seconds === null ? "–" : amounts.lasted(tally.first_token_seconds * 1e9),
    ],
    [t.rows.output, ({ tally }) => amounts.count(tally.output_tokens)],
    [
      t.rows.compute,
      ({ tally }) => (tally.requests === 0 ? "–" : amounts.lasted(tally.compute_ns / tally.requests)),
    ],
    [t.rows.up, ({ thumbs }) => amounts.count(thumbs.up)],
    [t.rows.down, ({ thumbs }) => amounts.count(thumbs.down)],
  ];
  return (
    <table className="w-full border-collapse text-sm tabular-nums">
      <caption className="sr-only">{t.canary}</caption>
      <thead>
        <tr className="border-control border-b">
          <th scope="col" className="py-2 text-start font-medium">
            <span className="sr-only">{t.figure}</span>
          </th>
          <th scope="col" className="py-2 ps-4 text-end font-medium">
            {t.stable}
          </th>
          <th scope="col" className="py-2 ps-4 text-end font-medium">
            {t.newer}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name} className="border-line border-b">
            <th scope="row" className="py-2 text-start font-normal">
              {name}
            </th>
            <td className="py-2 ps-4 text-end text-muted">{value(stable)}</td>
            <td className="py-2 ps-4 text-end">{value(canary)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** To how many a canary is served. */
function Served({ release }: { release: Release }) {
  const all = useWords();
  const t = useLabWords();
  const amounts = useAmounts();
  const [share, setShare] = useState(release.share_percent);
  const setting = useMutation({
    mutationFn: () => lab.setShare(release.id, share),
    onSuccess: () => {
      labChanged();
      notify(labWords().releases.shareSet(amounts.percent(share / 100)));
    },
  });
  return (
    <Section title={t.releases.share}>
      <div className="flex max-w-xl flex-wrap items-end gap-4">
        <div className="min-w-0 flex-1 basis-64">
          <Share label={t.models.share} value={share} change={setShare} />
        </div>
        <Button
          look="outline"
          disabled={setting.isPending || share === release.share_percent}
          onClick={() => setting.mutate()}
        >
          {t.releases.setShare}
        </Button>
      </div>
      {setting.error && <Trouble text={explain(setting.error, all)} />}
    </Section>
  );
}
