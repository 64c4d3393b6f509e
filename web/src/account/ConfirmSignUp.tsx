import { useMutation } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { accounts } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { inWords, useWords } from "~/i18n";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Card } from "./Card";
import { Field } from "./Field";
import { welcome } from "./SignIn";
import { ToSignIn } from "./SignUp";
import { useDoorWords } from "./words";

/** Where the letter of a sign-up leads: whoever opens it must know the password as well. */
export function ConfirmSignUp() {
  const all = useWords();
  const door = useDoorWords();
  const t = door.confirm;
  const { token = "" } = useSearch({ strict: false });
  const [password, setPassword] = useState("");
  const confirm = useMutation({
    mutationFn: () => accounts.confirmSignUp({ token, password }),
    onSuccess: welcome,
  });
  const code = confirm.error instanceof Problem ? confirm.error.code : null;
  if (code === "invalid_link" || !token)
    return (
      <Card title={door.newEmail.badTitle} lead={door.confirm.bad}>
        <Link to="/sign-up" className={buttonLook("primary")}>
          {door.signUp.again}
        </Link>
      </Card>
    );
  if (code === "email_taken")
    return (
      <Card title={t.title} lead={t.taken}>
        <ToSignIn />
      </Card>
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (password) confirm.mutate();
  };
  const { error } = confirm;
  const wrong = code === "wrong_credentials";
  const waiting = error instanceof Problem && error.status === 429 && error.retryAfter !== null;
  return (
    <Card title={t.title} lead={t.lead}>
      <form onSubmit={submit} noValidate className="space-y-5">
        <Field
          label={all.signIn.password}
          type="password"
          autoComplete="current-password"
          autoFocus
          value={password}
          onChange={(event) => {
            setPassword(event.target.value);
            confirm.reset();
          }}
          error={wrong ? t.wrong : undefined}
        />
        {error && !wrong && (
          <Trouble
            text={waiting ? all.signIn.tooMany(inWords(error.retryAfter ?? 0, all)) : explain(error, all)}
          />
        )}
        <Button type="submit" disabled={confirm.isPending} className="h-11! w-full">
          {t.submit}
        </Button>
      </form>
    </Card>
  );
}
