import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "~/account/Field";
import {
  accounts,
  type NewWorkspaceInvitation,
  type Workspace,
  type WorkspaceInvitation,
} from "~/api/accounts";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Kept } from "../parts/Kept";
import { Section } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Row, Rows } from "../parts/Rows";
import { Select } from "../parts/Select";
import { useWhen } from "../parts/when";
import { invitationsQuery } from "../queries";
import { useSettingsWords } from "../words";

/** Who is invited to a workspace and has not answered yet. */
export function Invitations({ workspace }: { workspace: Workspace }) {
  const all = useWords();
  const t = useSettingsWords().workspaces;
  const { day } = useWhen();
  const query = useQuery(invitationsQuery(workspace.id));
  const [open, setOpen] = useState<"invite" | NewWorkspaceInvitation | null>(null);
  const changed = () => queries.invalidateQueries({ queryKey: invitationsQuery(workspace.id).queryKey });
  const takeBack = useMutation({
    mutationFn: (invitation: string) => accounts.takeBackInvitation(workspace.id, invitation),
    onSuccess() {
      changed();
      notify(t.takenBack);
    },
  });
  const invitations = query.data ?? [];
  const error = query.error ?? takeBack.error;
  return (
    <Section
      title={t.inviteTitle}
      lead={t.inviteLead}
      action={
        <Button look="outline" onClick={() => setOpen("invite")}>
          {t.invite}
        </Button>
      }
    >
      {error && <Trouble text={explain(error, all)} />}
      {invitations.length > 0 && (
        <Rows label={t.invitations}>
          {invitations.map((invitation) => (
            <Row
              key={invitation.id}
              title={invitation.email}
              facts={[t.roles[invitation.role], t.until(day(invitation.expires_at))]}
              action={
                <Button
                  look="quiet"
                  aria-label={`${t.takeBack}: ${invitation.email}`}
                  disabled={takeBack.isPending}
                  onClick={() => takeBack.mutate(invitation.id)}
                >
                  {t.takeBack}
                </Button>
              }
            />
          ))}
        </Rows>
      )}
      {open === "invite" && (
        <Invite
          workspace={workspace}
          close={() => setOpen(null)}
          done={(made) => {
            setOpen(made);
            changed();
          }}
        />
      )}
      {open && open !== "invite" && (
        <Panel title={t.invited} lead={t.invitedLead(open.email)} close={() => setOpen(null)} firm>
          <Kept label={t.link} value={open.link} words={t} />
        </Panel>
      )}
    </Section>
  );
}

function Invite({
  workspace,
  close,
  done,
}: {
  workspace: Workspace;
  close: () => void;
  done: (made: NewWorkspaceInvitation) => void;
}) {
  const all = useWords();
  const t = useSettingsWords().workspaces;
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<WorkspaceInvitation["role"]>("member");
  const [wrong, setWrong] = useState(false);
  const invite = useMutation({
    mutationFn: () => accounts.inviteToWorkspace(workspace.id, { email: email.trim(), role }),
    onSuccess: done,
  });
  const run = () => {
    const given = /^\S+@\S+\.\S+$/.test(email.trim());
    setWrong(!given);
    if (given) invite.mutate();
  };
  return (
    <Panel
      title={t.inviteTitle}
      lead={t.inviteLead}
      close={close}
      submit={{ label: t.send, busy: invite.isPending, run }}
    >
      <Field
        label={t.email}
        type="email"
        inputMode="email"
        autoComplete="off"
        autoFocus
        value={email}
        onChange={(event) => {
          setEmail(event.target.value);
          setWrong(false);
          invite.reset();
        }}
        error={wrong ? all.setup.invalidEmail : undefined}
      />
      <Select label={t.as} value={role} choose={(chosen) => setRole(chosen as WorkspaceInvitation["role"])}>
        <option value="member">{t.roles.member}</option>
        <option value="admin">{t.roles.admin}</option>
      </Select>
      {invite.error && <Trouble text={explain(invite.error, all)} />}
    </Panel>
  );
}
