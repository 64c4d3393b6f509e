import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { Fingerprint } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { accounts, type SecondStep } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { signedIn } from "~/api/queries";
import type { User } from "~/api/types";
import { inWords, useWords, type Words } from "~/i18n";
import { adopt } from "~/preferences";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Card } from "./Card";
import { Code } from "./Code";
import { Field } from "./Field";
import { signUpOptionsQuery } from "./options";
import { browserHasPasskeys, signWithPasskey } from "./webauthn";
import { type DoorWords, useDoorWords } from "./words";

function reason(error: Error, t: Words, door: DoorWords): string {
  if (error instanceof Problem) {
    if (error.code === "wrong_credentials") return t.signIn.wrong;
    if (error.code === "wrong_passkey") return door.signIn.wrongPasskey;
    if (error.code === "account_disabled") return door.signIn.disabled;
    if (error.status === 429 && error.retryAfter !== null)
      return t.signIn.tooMany(inWords(error.retryAfter, t));
  }
  return explain(error, t);
}

/** Lets somebody in who has proved who they are. */
export function welcome(user: User): void {
  adopt(user);
  signedIn(user);
}

/** The code that is still to come for who has come back from an account elsewhere. */
function challengeFromElsewhere(): Pick<SecondStep, "challenge"> | null {
  const challenge = new URLSearchParams(location.hash.slice(1)).get("challenge");
  return challenge ? { challenge } : null;
}

/** The door: by password and, where the account wants one, a code; by passkey; or by an account elsewhere. */
export function SignIn() {
  const [second, setSecond] = useState(challengeFromElsewhere);
  useEffect(() => {
    // It is good once, and no part of the address that one may want to keep.
    if (location.hash) history.replaceState(history.state, "", location.pathname + location.search);
  }, []);
  const [late, setLate] = useState(false);
  if (second)
    return (
      <Code
        challenge={second.challenge}
        back={(expired) => {
          setLate(expired);
          setSecond(null);
        }}
      />
    );
  return <Ways askForCode={setSecond} late={late} />;
}

function Ways({ askForCode, late }: { askForCode: (step: SecondStep) => void; late: boolean }) {
  const t = useWords();
  const door = useDoorWords();
  const form = useRef<HTMLFormElement>(null);
  const { error: refused, next } = useSearch({ strict: false });
  const { data: options } = useQuery(signUpOptionsQuery);
  const [missing, setMissing] = useState<{ email?: string; password?: string }>({});
  const signIn = useMutation({
    mutationFn: accounts.signIn,
    onSuccess(outcome) {
      if ("challenge" in outcome) askForCode(outcome);
      else welcome(outcome);
    },
    onError() {
      form.current?.querySelector<HTMLInputElement>("[name=password]")?.select();
    },
  });
  const [declined, setDeclined] = useState(false);
  const passkey = useMutation({
    async mutationFn() {
      const credential = await signWithPasskey((await accounts.passkeyQuestion()).public_key);
      return credential && accounts.signInWithPasskey(credential);
    },
    onSuccess(user) {
      if (user) welcome(user);
      else setDeclined(true);
    },
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const email = String(given.get("email")).trim();
    const password = String(given.get("password"));
    setMissing({
      ...(email ? {} : { email: t.signIn.missingEmail }),
      ...(password ? {} : { password: t.signIn.missingPassword }),
    });
    passkey.reset();
    setDeclined(false);
    if (email && password) signIn.mutate({ email, password });
  };
  const errors: Record<string, string> = door.signIn.errors;
  const trouble = signIn.error ?? passkey.error;
  const said = trouble
    ? reason(trouble, t, door)
    : declined
      ? door.signIn.passkeyFailed
      : late
        ? door.code.expired
        : refused && !signIn.isPending
          ? (errors[refused] ?? door.signIn.errors.other)
          : null;
  const withPasskey = options?.passkeys && browserHasPasskeys;
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
        {said && <Trouble text={said} />}
        <Button type="submit" disabled={signIn.isPending} className="h-11! w-full">
          {signIn.isPending ? t.signIn.submitting : t.signIn.submit}
        </Button>
      </form>
      <p className="mt-4 text-center text-sm">
        <Link to="/password-reset" className={plainLink}>
          {door.signIn.forgotten}
        </Link>
      </p>
      {options && (withPasskey || options.providers.length > 0) && (
        <div className="appear">
          <p className="my-5 flex items-center gap-3 text-muted text-sm before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
            {door.or}
          </p>
          <div className="space-y-2">
            {withPasskey && (
              <Button
                look="outline"
                className="h-11! w-full"
                disabled={passkey.isPending}
                onClick={() => {
                  signIn.reset();
                  setDeclined(false);
                  passkey.mutate();
                }}
              >
                <Fingerprint aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
                {door.signIn.passkey}
              </Button>
            )}
            {options.providers.map(({ name, title }) => (
              <a
                key={name}
                href={`/api/sign-on/${encodeURIComponent(name)}${next ? `?next=${encodeURIComponent(next)}` : ""}`}
                className={`${buttonLook("outline")} h-11! w-full`}
              >
                {door.signIn.with(title)}
              </a>
            ))}
          </div>
        </div>
      )}
      {options?.mode === "open" && (
        <p className="mt-6 text-center text-muted text-sm">
          {door.signIn.newHere}{" "}
          <Link to="/sign-up" className={plainLink}>
            {door.signIn.signUp}
          </Link>
        </p>
      )}
      {options?.mode === "invitation" && (
        <p className="mt-6 text-center text-muted text-sm">{door.signIn.byInvitation}</p>
      )}
    </Card>
  );
}

export const plainLink =
  "relative rounded-sm text-accent underline decoration-1 underline-offset-4 hover:decoration-2 touch:before:absolute touch:before:-inset-3";
