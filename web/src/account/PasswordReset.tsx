import { useMutation } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { accounts } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { signedOut } from "~/api/queries";
import { inWords, useWords } from "~/i18n";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Card } from "./Card";
import { Field } from "./Field";
import { Meter } from "./Meter";
import { ToSignIn } from "./SignUp";
import { SHORTEST } from "./strength";
import { useDoorWords } from "./words";

/** The way back for who has forgotten their password: first to their mail, then with the letter's link. */
export function PasswordReset() {
  const { token } = useSearch({ strict: false });
  return token ? <Choosing token={token} /> : <Asking />;
}

function Asking() {
  const all = useWords();
  const door = useDoorWords();
  const t = door.reset;
  const [email, setEmail] = useState("");
  const [wrong, setWrong] = useState(false);
  const ask = useMutation({ mutationFn: accounts.askForReset });
  if (ask.isSuccess)
    return (
      <Card title={t.sentTitle} lead={t.sent(email.trim())}>
        <p className="mb-5 text-muted text-sm">{door.signUp.notThere}</p>
        <Button look="outline" onClick={() => ask.reset()}>
          {door.signUp.again}
        </Button>
      </Card>
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const given = /^\S+@\S+\.\S+$/.test(email.trim());
    setWrong(!given);
    if (given) ask.mutate(email.trim());
  };
  const { error } = ask;
  const waiting = error instanceof Problem && error.status === 429 && error.retryAfter !== null;
  return (
    <Card title={t.title} lead={t.lead}>
      <form onSubmit={submit} noValidate className="space-y-5">
        <Field
          label={all.signIn.email}
          type="email"
          autoComplete="username"
          inputMode="email"
          autoFocus
          value={email}
          onChange={(event) => {
            setEmail(event.target.value);
            setWrong(false);
            ask.reset();
          }}
          error={wrong ? all.setup.invalidEmail : undefined}
        />
        {error && (
          <Trouble
            text={waiting ? all.signIn.tooMany(inWords(error.retryAfter ?? 0, all)) : explain(error, all)}
          />
        )}
        <Button type="submit" disabled={ask.isPending} className="h-11! w-full">
          {t.submit}
        </Button>
      </form>
      <p className="mt-4">
        <Link to="/sign-in" className={`${buttonLook("quiet")} -ms-4`}>
          {door.back}
        </Link>
      </p>
    </Card>
  );
}

function Choosing({ token }: { token: string }) {
  const all = useWords();
  const t = useDoorWords().reset;
  const [password, setPassword] = useState("");
  const [wrong, setWrong] = useState<string>();
  const choose = useMutation({
    mutationFn: () => accounts.reset({ token, password }),
    onSuccess: signedOut,
    onError(error) {
      if (error instanceof Problem && error.code === "weak_password") setWrong(all.setup.weakPassword);
    },
  });
  if (choose.isSuccess)
    return (
      <Card title={t.doneTitle} lead={t.done}>
        <ToSignIn />
      </Card>
    );
  if (choose.error instanceof Problem && choose.error.code === "invalid_link")
    return (
      <Card title={t.badTitle} lead={t.bad}>
        <Link to="/password-reset" className={buttonLook("primary")}>
          {t.again}
        </Link>
      </Card>
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if ([...password].length < SHORTEST) setWrong(all.setup.shortPassword);
    else choose.mutate();
  };
  return (
    <Card title={t.chooseTitle} lead={t.chooseLead}>
      <form onSubmit={submit} noValidate className="space-y-5">
        <Field
          label={all.setup.password}
          hint={<Meter password={password} known={[]} />}
          type="password"
          autoComplete="new-password"
          autoFocus
          value={password}
          onChange={(event) => {
            setPassword(event.target.value);
            setWrong(undefined);
            choose.reset();
          }}
          error={wrong}
        />
        {choose.error && !wrong && <Trouble text={explain(choose.error, all)} />}
        <Button type="submit" disabled={choose.isPending} className="h-11! w-full">
          {t.choose}
        </Button>
      </form>
    </Card>
  );
}
