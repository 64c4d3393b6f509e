import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { inWords, useWords } from "~/i18n";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Field } from "./Field";
import { Meter } from "./Meter";
import { SHORTEST } from "./strength";

export interface Newcomer {
  name: string;
  email: string;
  password: string;
}

interface Props<R> {
  /** The address, where it is known already and not to be typed. */
  email?: string;
  submit: string;
  submitting: string;
  send: (newcomer: Newcomer) => Promise<R>;
  done: (result: R, newcomer: Newcomer) => void;
  refused?: (error: Problem) => void;
}

/** Who somebody is to be: name, address and a password that is hard to guess. */
export function AccountForm<R>({ email, submit, submitting, send, done, refused }: Props<R>) {
  const t = useWords();
  const [newcomer, setNewcomer] = useState<Newcomer>({ name: "", email: email ?? "", password: "" });
  const [wrong, setWrong] = useState<Partial<Newcomer>>({});
  const making = useMutation({
    mutationFn: send,
    onSuccess: done,
    onError(error) {
      if (!(error instanceof Problem)) return;
      const told: Record<string, Partial<Newcomer>> = {
        weak_password: { password: t.setup.weakPassword },
        invalid_email: { email: t.setup.invalidEmail },
        invalid_name: { name: t.setup.missingName },
      };
      setWrong(told[error.code] ?? Object.fromEntries(error.fields));
      refused?.(error);
    },
  });
  const start = (event: FormEvent) => {
    event.preventDefault();
    const problems = {
      ...(newcomer.name.trim() ? {} : { name: t.setup.missingName }),
      ...(/^\S+@\S+\.\S+$/.test(newcomer.email.trim()) ? {} : { email: t.setup.invalidEmail }),
      ...([...newcomer.password].length >= SHORTEST ? {} : { password: t.setup.shortPassword }),
    };
    setWrong(problems);
    const first = Object.keys(problems)[0];
    if (first) document.querySelector<HTMLInputElement>(`[name=${first}]`)?.focus();
    else making.mutate({ ...newcomer, name: newcomer.name.trim(), email: newcomer.email.trim() });
  };
  const field = (name: keyof Newcomer) => ({
    name,
    value: newcomer[name],
    error: wrong[name],
    onChange(event: { target: HTMLInputElement }) {
      setNewcomer({ ...newcomer, [name]: event.target.value });
      setWrong({ ...wrong, [name]: undefined });
      making.reset();
    },
  });
  const { error } = making;
  const inForm = Object.values(wrong).some(Boolean);
  const waiting = error instanceof Problem && error.status === 429 && error.retryAfter !== null;
  return (
    <form onSubmit={start} noValidate className="space-y-5">
      <Field
        label={t.setup.name}
        hint={t.setup.nameHint}
        type="text"
        autoComplete="name"
        autoFocus
        maxLength={100}
        {...field("name")}
      />
      {email === undefined ? (
        <Field
          label={t.setup.email}
          type="email"
          autoComplete="username"
          inputMode="email"
          {...field("email")}
        />
      ) : (
        // So that the browser's password manager knows whose password it keeps.
        <input type="email" name="username" autoComplete="username" value={email} readOnly hidden />
      )}
      <Field
        label={t.setup.password}
        hint={
          <Meter
            password={newcomer.password}
            known={[...newcomer.name.split(/\s+/), ...newcomer.email.split(/[@.]/)]}
          />
        }
        type="password"
        autoComplete="new-password"
        {...field("password")}
      />
      {error && !inForm && (
        <Trouble text={waiting ? t.signIn.tooMany(inWords(error.retryAfter ?? 0, t)) : explain(error, t)} />
      )}
      <Button type="submit" disabled={making.isPending} className="h-11! w-full">
        {making.isPending ? submitting : submit}
      </Button>
    </form>
  );
}
