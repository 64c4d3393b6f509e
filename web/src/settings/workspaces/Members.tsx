import { useMutation, useQuery } from "@tanstack/react-query";
import { UserMinus } from "lucide-react";
import { useState } from "react";
import { useUser } from "~/account/useUser";
import { accounts, type Member, type Workspace } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { queries, workspacesQuery } from "~/api/queries";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { Confirm } from "../parts/Confirm";
import { Loaded } from "../parts/Loaded";
import { Section } from "../parts/Page";
import { Mark, Row, Rows } from "../parts/Rows";
import { Select } from "../parts/Select";
import { membersQuery } from "../queries";
import { useSettingsWords } from "../words";

const ranks = { member: 0, admin: 1, owner: 2 };

/** Who is in a workspace, as what; whoever decides on that does it here. */
export function Members({ workspace }: { workspace: Workspace }) {
  const all = useWords();
  const t = useSettingsWords().workspaces;
  const user = useUser();
  const query = useQuery(membersQuery(workspace.id));
  const [removing, setRemoving] = useState<Member | null>(null);
  const changed = () => queries.invalidateQueries({ queryKey: membersQuery(workspace.id).queryKey });
  const change = useMutation({
    mutationFn: ({ member, role }: { member: Member; role: Member["role"] }) =>
      accounts.changeMember(workspace.id, member.user_id, role),
    onSuccess({ user_id, name, role }) {
      changed();
      if (user_id === user?.id) queries.invalidateQueries({ queryKey: workspacesQuery.queryKey });
      notify(t.roleChanged(name, t.roles[role]));
    },
  });
  // Admins decide on members and admins, owners on everybody.
  const mayDecide = (member: Member) =>
    workspace.role === "owner" || (workspace.role === "admin" && member.role !== "owner");
  const offered = (["member", "admin", "owner"] as const).filter(
    (role) => ranks[role] <= ranks[workspace.role],
  );
  return (
    <Section title={t.members} lead={workspace.role === "member" ? undefined : t.rolesLead}>
      {change.error && (
        <Trouble
          text={
            change.error instanceof Problem && change.error.code === "last_owner"
              ? t.lastOwner
              : explain(change.error, all)
          }
        />
      )}
      <Loaded query={query}>
        {(members) => (
          <Rows label={t.members}>
            {members.map((member) => {
              const self = member.user_id === user?.id;
              return (
                <Row
                  key={member.user_id}
                  title={member.name}
                  mark={self && <Mark>{t.you}</Mark>}
                  facts={[member.email]}
                  action={
                    mayDecide(member) ? (
                      <span className="flex flex-none items-center gap-1">
                        <Select
                          label={t.role(member.name)}
                          hideLabel
                          small
                          value={member.role}
                          disabled={change.isPending}
                          choose={(role) => change.mutate({ member, role: role as Member["role"] })}
                        >
                          {offered.map((role) => (
                            <option key={role} value={role}>
                              {t.roles[role]}
                            </option>
                          ))}
                        </Select>
                        <span className={self ? "invisible" : ""}>
                          <IconButton
                            label={`${t.remove}: ${member.name}`}
                            icon={UserMinus}
                            onClick={() => setRemoving(member)}
                          />
                        </span>
                      </span>
                    ) : (
                      <span className="text-muted text-sm">{t.roles[member.role]}</span>
                    )
                  }
                />
              );
            })}
          </Rows>
        )}
      </Loaded>
      {removing && (
        <Confirm
          title={t.removeTitle(removing.name)}
          lead={t.removeLead}
          label={t.remove}
          act={() => accounts.removeMember(workspace.id, removing.user_id)}
          done={() => {
            setRemoving(null);
            changed();
            notify(t.removed(removing.name));
          }}
          close={() => setRemoving(null)}
        />
      )}
    </Section>
  );
}
