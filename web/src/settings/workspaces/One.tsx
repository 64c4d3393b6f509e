import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Field } from "~/account/Field";
import { useUser } from "~/account/useUser";
import { accounts, type Workspace } from "~/api/accounts";
import { explain } from "~/api/problems";
import { actAs, queries, workspacesQuery } from "~/api/queries";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { preferences, usePreference } from "~/preferences";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Back } from "../Frame";
import { Confirm } from "../parts/Confirm";
import { Loaded } from "../parts/Loaded";
import { Page, Section } from "../parts/Page";
import { Empty, Mark } from "../parts/Rows";
import { useSettingsWords } from "../words";
import { Invitations } from "./Invitations";
import { Members } from "./Members";

/** One workspace: its name, who is in it, who is invited, and the ways out. */
export function One({ id }: { id: string }) {
  const t = useSettingsWords().workspaces;
  const query = useQuery(workspacesQuery);
  const acting = usePreference("workspace");
  return (
    <Loaded query={query}>
      {(workspaces) => {
        const found = workspaces.find((each) => each.id === id);
        if (!found) return <Empty text={t.gone} action={<ToAll />} />;
        const decides = found.role !== "member";
        return (
          <>
            <div className="-mt-6 mb-3 -ms-2.5 hidden md:block">
              <Back to="/settings/$page" params={{ page: "workspaces" }}>
                {t.all}
              </Back>
            </div>
            <Page
              title={found.name}
              lead={
                <span className="flex flex-wrap items-center gap-2.5">
                  {t.roles[found.role]}
                  {acting === id ? (
                    <Mark look="good">{t.actingNow}</Mark>
                  ) : (
                    <Button look="outline" className="h-9!" onClick={() => actAs(id)}>
                      {t.actNow(found.name)}
                    </Button>
                  )}
                </span>
              }
            >
              <Members workspace={found} />
              {decides && <Invitations workspace={found} />}
              {decides && <Name key={found.name} workspace={found} />}
              <Leaving workspace={found} />
            </Page>
          </>
        );
      }}
    </Loaded>
  );
}

function ToAll() {
  const t = useSettingsWords().workspaces;
  const navigate = useNavigate();
  return (
    <Button
      look="outline"
      onClick={() => navigate({ to: "/settings/$page", params: { page: "workspaces" } })}
    >
      {t.all}
    </Button>
  );
}

function Name({ workspace }: { workspace: Workspace }) {
  const all = useWords();
  const words = useSettingsWords();
  const [name, setName] = useState(workspace.name);
  const rename = useMutation({
    mutationFn: () => accounts.renameWorkspace(workspace.id, name.trim()),
    onSuccess() {
      queries.invalidateQueries({ queryKey: workspacesQuery.queryKey });
      notify(words.saved);
    },
  });
  const changed = name.trim() !== workspace.name && name.trim() !== "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (changed) rename.mutate();
  };
  return (
    <Section title={words.workspaces.name}>
      <form onSubmit={submit} noValidate className="flex max-w-md items-start gap-2">
        <div className="flex-1">
          <Field
            label={words.workspaces.name}
            hideLabel
            type="text"
            autoComplete="off"
            maxLength={100}
            value={name}
            onChange={(event) => {
              setName(event.target.value);
              rename.reset();
            }}
          />
        </div>
        <Button type="submit" look="outline" disabled={!changed || rename.isPending} className="h-11!">
          {words.save}
        </Button>
      </form>
      {rename.error && <Trouble text={explain(rename.error, all)} />}
    </Section>
  );
}

function Leaving({ workspace }: { workspace: Workspace }) {
  const t = useSettingsWords().workspaces;
  const user = useUser();
  const navigate = useNavigate();
  const [asking, setAsking] = useState<"leave" | "delete" | null>(null);
  const gone = async (said: string) => {
    if (preferences.get("workspace") === workspace.id) actAs(null);
    await navigate({ to: "/settings/$page", params: { page: "workspaces" } });
    queries.invalidateQueries({ queryKey: workspacesQuery.queryKey });
    notify(said);
  };
  return (
    <>
      <Section
        title={t.leaveTitle}
        lead={t.leaveLead}
        action={
          <Button look="outline" onClick={() => setAsking("leave")}>
            {t.leave}
          </Button>
        }
      />
      {workspace.role === "owner" && (
        <Section
          title={t.deleteTitle}
          lead={t.deleteLead}
          action={
            <Button look="outline" className="text-danger!" onClick={() => setAsking("delete")}>
              {t.delete}
            </Button>
          }
        />
      )}
      {asking === "leave" && (
        <Confirm
          title={t.leaveTitle}
          lead={t.leaveLead}
          label={t.leave}
          act={() => accounts.removeMember(workspace.id, user?.id ?? "")}
          refusals={{ last_owner: t.lastOwner }}
          done={() => gone(t.left(workspace.name))}
          close={() => setAsking(null)}
        />
      )}
      {asking === "delete" && (
        <Confirm
          title={t.deleteTitle}
          lead={t.deleteLead}
          label={t.delete}
          typed={{ label: t.deleteConfirm(workspace.name), text: workspace.name }}
          act={() => accounts.deleteWorkspace(workspace.id)}
          done={() => gone(t.deleted(workspace.name))}
          close={() => setAsking(null)}
        />
      )}
    </>
  );
}
