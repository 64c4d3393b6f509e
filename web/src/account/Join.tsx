import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { accounts } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { queries, workspacesQuery } from "~/api/queries";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Card } from "./Card";
import { useDoorWords } from "./words";

/** An invitation to a workspace, for somebody who is signed in. */
export function Join() {
  const all = useWords();
  const door = useDoorWords();
  const t = door.join;
  const navigate = useNavigate();
  const { token = "" } = useSearch({ strict: false });
  const {
    data,
    error: unread,
    refetch,
  } = useQuery({
    queryKey: ["invitation", token],
    queryFn: () => accounts.readWorkspaceInvitation(token),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const accept = useMutation({
    mutationFn: () => accounts.acceptWorkspaceInvitation(token),
    async onSuccess({ id, name }) {
      await queries.invalidateQueries({ queryKey: workspacesQuery.queryKey });
      notify(t.joined(name));
      navigate({ to: "/settings/$page/$item", params: { page: "workspaces", item: id }, replace: true });
    },
  });
  const decline = useMutation({
    mutationFn: () => accounts.declineWorkspaceInvitation(token),
    onSuccess() {
      notify(t.declined);
      navigate({ to: "/", replace: true });
    },
  });
  const error = accept.error ?? decline.error ?? unread;
  const code = error instanceof Problem ? error.code : null;
  if (code === "invitation_not_found" || code === "already_member" || !token)
    return (
      <Card
        title={code === "already_member" ? t.already : t.badTitle}
        lead={code === "already_member" ? "" : t.bad}
      >
        <Link to="/" className={buttonLook("primary")}>
          {door.toConversations}
        </Link>
      </Card>
    );
  if (!data)
    return (
      <Card title={all.app.name} lead="">
        {error && <Trouble text={explain(error, all)} retry={refetch} />}
      </Card>
    );
  const busy = accept.isPending || decline.isPending;
  return (
    <Card
      title={t.title(data.workspace_name)}
      lead={data.role === "admin" ? t.asAdmin(data.inviter_name) : t.asMember(data.inviter_name)}
    >
      {error && <Trouble text={explain(error, all)} />}
      <div className="space-y-2">
        <Button disabled={busy} onClick={() => accept.mutate()} className="h-11! w-full">
          {t.accept}
        </Button>
        <Button look="quiet" disabled={busy} onClick={() => decline.mutate()} className="h-11! w-full">
          {t.decline}
        </Button>
      </div>
    </Card>
  );
}
