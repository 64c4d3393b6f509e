import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { api, Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { signedIn } from "~/api/queries";
import { inWords, useWords, type Words } from "~/i18n";
import { adopt } from "~/preferences";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Card } from "./Card";
import { Field } from "./Field";

function reason(error: Error, t: Words): string {
  if (error instanceof Problem) {
    if (error.code === "wrong_credentials") return t.signIn.wrong;
    if (error.status === 429 && error.retryAfter !== null)
      return t.signIn.tooMany(inWords(error.retryAfter, t));
  }
  return explain(error, t);
}

export function SignIn() {
  const t = useWords();
  const form = useRef<HTMLFormElement>(null);
  const [missing, setMissing] = useState<{ email?: string; password?: string }>({});
  const signIn = useMutation({
    mutationFn: api.signIn,
    onSuccess(user) {
      adopt(user);
      signedIn(user);
    },
    onError() {
      form.current?.querySelector<HTMLInputElement>("[name=password]")?.select();
    },
  });
  useEffect(() => {
    document.title = `${t.signIn.submit} · Causette`;
  }, [t]);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const email = String(given.get("email")).trim();
    const password = String(given.get("password"));
    setMissing({
      ...(email ? {} : { email: t.signIn.missingEmail }),
      ...(password ? {} : { password: t.signIn.missingPassword }),
    });
    if (email && password) signIn.mutate({ email, password });
  };
  return (
    <Card title={t.signIn.title} lead={t.signIn.lead}>
      <form ref={form} onSubmit={submit} noValidate className="space-y-5">
        <Field
          label={t.signIn.email}
          name="email"
          type="email"
          autoComplete="username"
          inputMode="email"
          autoFocus
          error={missing.email}
        />
        <Field
          label={t.signIn.password}
          name="password"
          type="password"
          autoComplete="current-password"
          error={missing.password}
        />
        {signIn.error && <Trouble text={reason(signIn.error, t)} />}
        <Button type="submit" disabled={signIn.isPending} className="h-11! w-full">
          {signIn.isPending ? t.signIn.submitting : t.signIn.submit}
        </Button>
      </form>
    </Card>
  );
}
