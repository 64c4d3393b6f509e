import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Field } from "~/account/Field";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { queries, workspacesQuery } from "~/api/queries";
import type { Workspace } from "~/api/types";
import { useWords } from "~/i18n";
import { Kept } from "~/settings/parts/Kept";
import { Loaded } from "~/settings/parts/Loaded";
import { Panel } from "~/settings/parts/Panel";
import { Select } from "~/settings/parts/Select";
import { Trouble } from "~/ui/Trouble";
import type { Opening } from "./opening";
import { type Share, sharesQuery, sharing } from "./queries";
import { useSharingWords } from "./words";

const DAY_MS = 86_400_000;
const spans = [1, 7, 30];

/** Makes a link to a conversation as it is now, or says why there is none to be made. */
export default function ShareDialog({ opening, close }: { opening: Opening; close: () => void }) {
  const t = useSharingWords();
  const known = useQuery(sharesQuery);
  const workspaces = useQuery(workspacesQuery);
  const [made, setMade] = useState<Share | null>(null);
  const title = opening.until ? t.titleHere : t.title;
  if (made) return <Made share={made} workspaces={workspaces.data ?? []} close={close} />;
  if (!known.data || !workspaces.data)
    return (
      <Panel title={title} lead={t.lead} close={close}>
        {known.data ? (
          <Loaded query={workspaces}>{() => null}</Loaded>
        ) : (
          <Loaded query={known}>{() => null}</Loaded>
        )}
      </Panel>
    );
  const { mode, in_plan } = known.data;
  const why =
    mode === "off"
      ? t.off
      : !in_plan
        ? t.notInPlan
        : mode === "workspace" && workspaces.data.length === 0
          ? t.noWorkspace
          : null;
  if (why)
    return (
      <Panel title={title} close={close}>
        <p className="text-pretty text-muted text-sm">{why}</p>
      </Panel>
    );
  return (
    <Form
      title={title}
      opening={opening}
      workspaces={workspaces.data}
      insideOnly={mode === "workspace"}
      made={setMade}
      close={close}
    />
  );
}

function Form({
  title,
  opening: { conversation, until },
  workspaces,
  insideOnly,
  made,
  close,
}: {
  title: string;
  opening: Opening;
  workspaces: readonly Workspace[];
  insideOnly: boolean;
  made: (share: Share) => void;
  close: () => void;
}) {
  const all = useWords();
  const t = useSharingWords();
  const [workspace, setWorkspace] = useState(insideOnly ? (workspaces[0]?.id ?? "") : "");
  const [span, setSpan] = useState("");
  const [date, setDate] = useState("");
  const [withName, setWithName] = useState(false);
  const [withSteps, setWithSteps] = useState(false);
  const make = useMutation({
    mutationFn: () =>
      sharing.share(conversation, {
        until: until ?? null,
        workspace_id: workspace || null,
        with_name: withName,
        with_steps: withSteps,
        expires_at: endOf(span, date),
      }),
    onSuccess(share) {
      queries.invalidateQueries({ queryKey: sharesQuery.queryKey });
      made(share);
    },
  });
  const writing = make.error instanceof Problem && make.error.code === "still_writing";
  return (
    <Panel
      title={title}
      lead={t.lead}
      close={close}
      submit={{
        label: t.make,
        busy: make.isPending || (span === "date" && date === ""),
        run: () => make.mutate(),
      }}
    >
      {(workspaces.length > 0 || insideOnly) && (
        <Select label={t.who} value={workspace} choose={setWorkspace}>
          {!insideOnly && <option value="">{t.anybody}</option>}
          {workspaces.map(({ id, name }) => (
            <option key={id} value={id}>
              {t.membersOf(name)}
            </option>
          ))}
        </Select>
      )}
      <Select label={t.ends} value={span} choose={setSpan}>
        <option value="">{t.never}</option>
        {spans.map((days) => (
          <option key={days} value={days}>
            {t.days(days)}
          </option>
        ))}
        <option value="date">{t.onDate}</option>
      </Select>
      {span === "date" && (
        <Field
          label={t.date}
          type="date"
          min={new Date(Date.now()).toLocaleDateString("sv")}
          value={date}
          onChange={(event) => setDate(event.target.value)}
        />
      )}
      <div>
        <Check label={t.withName} on={withName} turn={setWithName} />
        <Check label={t.withSteps} on={withSteps} turn={setWithSteps} />
      </div>
      {make.error && <Trouble text={writing ? t.writing : explain(make.error, all)} />}
    </Panel>
  );
}

/** The instant at which a link ends: so many days from now, or the end of a day where the reader is. */
function endOf(span: string, date: string): string | null {
  if (span === "") return null;
  if (span !== "date") return new Date(Date.now() + Number(span) * DAY_MS).toISOString();
  return new Date(`${date}T23:59:59`).toISOString();
}

function Check({ label, on, turn }: { label: string; on: boolean; turn: (on: boolean) => void }) {
  return (
    <label className="flex min-h-10 cursor-pointer items-center gap-3 text-sm touch:min-h-11">
      <input
        type="checkbox"
        checked={on}
        onChange={(event) => turn(event.target.checked)}
        className="size-5 flex-none accent-accent"
      />
      {label}
    </label>
  );
}

function Made({
  share,
  workspaces,
  close,
}: {
  share: Share;
  workspaces: readonly Workspace[];
  close: () => void;
}) {
  const t = useSharingWords();
  const inside = workspaces.find(({ id }) => id === share.workspace_id);
  return (
    <Panel title={t.made} lead={inside ? t.madeInside(inside.name) : t.madeLead} close={close}>
      {share.link && <Kept label={t.link} value={share.link} words={{ copy: t.copy, copied: t.copied }} />}
      <p className="text-sm">
        <Link
          to="/settings/$page"
          params={{ page: "shared" }}
          onClick={close}
          className="text-accent underline underline-offset-2"
        >
          {t.all}
        </Link>
      </p>
    </Panel>
  );
}
