import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { accounts } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { AccountForm } from "./AccountForm";
import { Card } from "./Card";
import { signUpOptionsQuery } from "./options";
import { plainLink, welcome } from "./SignIn";
import { useDoorWords } from "./words";

/** Becoming somebody here: with an invitation, or of one's own accord where the house is open. */
export function SignUp() {
  const { invitation } = useSearch({ strict: false });
  return invitation ? <Invited token={invitation} /> : <Asking />;
}

function Asking() {
  const all = useWords();
  const t = useDoorWords();
  const { data: options, error, refetch } = useQuery(signUpOptionsQuery);
  const [sent, setSent] = useState<string | null>(null);
  if (!options)
    return (
      <Card title={t.signUp.title} lead={t.signUp.lead}>
        {error && <Trouble text={explain(error, all)} retry={refetch} />}
      </Card>
    );
  if (options.mode !== "open")
    return (
      <Card
        title={options.mode === "closed" ? t.signUp.closedTitle : t.signUp.invitationTitle}
        lead={options.mode === "closed" ? t.signUp.closed : t.signUp.invitation}
      >
        <ToSignIn />
      </Card>
    );
  if (sent)
    return (
      <Card title={t.signUp.sentTitle} lead={t.signUp.sent(sent)}>
        <p className="mb-5 text-muted text-sm">{t.signUp.notThere}</p>
        <Button look="outline" onClick={() => setSent(null)}>
          {t.signUp.again}
        </Button>
      </Card>
    );
  return (
    <Card title={t.signUp.title} lead={t.signUp.lead}>
      <AccountForm
        submit={t.signUp.submit}
        submitting={t.signUp.submitting}
        send={accounts.signUp}
        done={(_, { email }) => setSent(email)}
      />
      <p className="mt-6 text-center text-muted text-sm">
        {t.signUp.already}{" "}
        <Link to="/sign-in" className={plainLink}>
          {all.signIn.submit}
        </Link>
      </p>
    </Card>
  );
}

function Invited({ token }: { token: string }) {
  const all = useWords();
  const door = useDoorWords();
  const t = door.invited;
  const { data, error, refetch } = useQuery({
    queryKey: ["door", "invitation", token],
    queryFn: () => accounts.invitation(token),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const [over, setOver] = useState(false);
  if (over || (error instanceof Problem && error.code === "invalid_link"))
    return (
      <Card title={t.badTitle} lead={t.bad}>
        <ToSignIn />
      </Card>
    );
  if (!data)
    return (
      <Card title={t.title} lead="">
        {error && <Trouble text={explain(error, all)} retry={refetch} />}
      </Card>
    );
  return (
    <Card title={t.title} lead={data.role === "owner" ? t.leadOwner(data.email) : t.lead(data.email)}>
      <AccountForm
        email={data.email}
        submit={t.submit}
        submitting={all.setup.submitting}
        send={({ name, password }) => accounts.signUp({ name, password, invitation: token })}
        done={({ user }) => user && welcome(user)}
        refused={(problem) => setOver(problem.code === "invalid_link")}
      />
    </Card>
  );
}

/** The way out of a page that has nothing more to offer. */
export function ToSignIn() {
  const t = useDoorWords();
  return (
    <Link to="/sign-in" className={buttonLook("primary")}>
      {t.toSignIn}
    </Link>
  );
}
