import { useMutation } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { accounts } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { bootstrapQuery, queries } from "~/api/queries";
import { useWords } from "~/i18n";
import { signOut } from "~/shell/settings";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Card } from "./Card";
import { useUser } from "./useUser";
import { useDoorWords } from "./words";

/**
 * Where the letter to a new address leads whoever is signed in. A button, since programs that look for harm open links
 * as well.
 */
export function EmailChange() {
  const all = useWords();
  const door = useDoorWords();
  const t = door.newEmail;
  const { token = "" } = useSearch({ strict: false });
  const user = useUser();
  const confirm = useMutation({
    mutationFn: () => accounts.confirmEmail(token),
    onSuccess: () => queries.invalidateQueries({ queryKey: bootstrapQuery.queryKey }),
  });
  const { error } = confirm;
  const code = error instanceof Problem ? error.code : null;
  const out = (
    <Link to="/" className={buttonLook("primary")}>
      {door.toConversations}
    </Link>
  );
  if (confirm.isSuccess)
    return (
      <Card title={t.doneTitle} lead={t.done}>
        {out}
      </Card>
    );
  if (code === "other_account")
    return (
      <Card title={t.otherTitle} lead={t.other(user?.email ?? "")}>
        <Button onClick={signOut} className="h-11! w-full">
          {t.signOut}
        </Button>
      </Card>
    );
  if (code === "invalid_link" || code === "email_taken" || !token)
    return (
      <Card title={t.badTitle} lead={code === "email_taken" ? t.taken : t.bad}>
        {out}
      </Card>
    );
  return (
    <Card title={t.title} lead={t.lead}>
      {error && <Trouble text={explain(error, all)} />}
      <Button disabled={confirm.isPending} onClick={() => confirm.mutate()} className="h-11! w-full">
        {t.submit}
      </Button>
    </Card>
  );
}
