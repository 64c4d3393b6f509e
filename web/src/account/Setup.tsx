import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { api, Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { signedIn } from "~/api/queries";
import { useWords } from "~/i18n";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Card } from "./Card";
import { Field } from "./Field";
import { SHORTEST, strength } from "./strength";

/** First run: the one-time link makes the owner's account. */
export function Setup({ required }: { required: boolean }) {
  const t = useWords();
  const navigate = useNavigate();
  const { token } = useSearch({ strict: false });
  const [owner, setOwner] = useState({ name: "", email: "", password: "" });
  const [wrong, setWrong] = useState<Partial<typeof owner>>({});
  const setup = useMutation({
    mutationFn: api.setup,
    async onSuccess(user) {
      signedIn(user);
      await navigate({ to: "/", replace: true });
    },
    onError(error) {
      if (!(error instanceof Problem)) return;
      const told: Record<string, Partial<typeof owner>> = {
        weak_password: { password: t.setup.weakPassword },
        invalid_email: { email: t.setup.invalidEmail },
        invalid_name: { name: t.setup.missingName },
      };
      setWrong(told[error.code] ?? Object.fromEntries(error.fields));
    },
  });
  useEffect(() => {
    document.title = `${t.setup.title} · Causette`;
  }, [t]);

  if (!required)
    return (
      <Card title={t.setup.doneTitle} lead={t.setup.badLink}>
        <Link to="/sign-in" className={buttonLook("primary")}>
          {t.setup.toSignIn}
        </Link>
      </Card>
    );
  if (!token) return <Card title={t.setup.needsLinkTitle} lead={t.setup.needsLink} />;
  if (setup.error instanceof Problem && setup.error.code === "invalid_link")
    return <Card title={t.setup.badLinkTitle} lead={t.setup.badLink} />;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const problems = {
      ...(owner.name.trim() ? {} : { name: t.setup.missingName }),
      ...(/^\S+@\S+\.\S+$/.test(owner.email.trim()) ? {} : { email: t.setup.invalidEmail }),
      ...([...owner.password].length >= SHORTEST ? {} : { password: t.setup.shortPassword }),
    };
    setWrong(problems);
    const first = Object.keys(problems)[0];
    if (first) document.querySelector<HTMLInputElement>(`[name=${first}]`)?.focus();
    else setup.mutate({ token, ...owner, name: owner.name.trim(), email: owner.email.trim() });
  };
  const field = (name: keyof typeof owner) => ({
    name,
    value: owner[name],
    error: wrong[name],
    onChange: (event: { target: { value: string } }) => {
      setOwner({ ...owner, [name]: event.target.value });
      setWrong({ ...wrong, [name]: undefined });
      setup.reset();
    },
  });
  const inForm = Object.values(wrong).some(Boolean);
  return (
    <Card title={t.setup.title} lead={t.setup.lead}>
      <form onSubmit={submit} noValidate className="space-y-5">
        <Field
          label={t.setup.name}
          hint={t.setup.nameHint}
          type="text"
          autoComplete="name"
          autoFocus
          maxLength={100}
          {...field("name")}
        />
        <Field
          label={t.setup.email}
          type="email"
          autoComplete="username"
          inputMode="email"
          {...field("email")}
        />
        <Field
          label={t.setup.password}
          hint={
            <Meter
              password={owner.password}
              known={[...owner.name.split(/\s+/), ...owner.email.split(/[@.]/)]}
            />
          }
          type="password"
          autoComplete="new-password"
          {...field("password")}
        />
        {setup.error && !inForm && <Trouble text={explain(setup.error, t)} />}
        <Button type="submit" disabled={setup.isPending} className="h-11! w-full">
          {setup.isPending ? t.setup.submitting : t.setup.submit}
        </Button>
      </form>
    </Card>
  );
}

const steps = ["weak", "fair", "good", "strong"] as const;

/** How strong the password is: four bars, and the same in a word. */
function Meter({ password, known }: { password: string; known: string[] }) {
  const t = useWords();
  if (password === "") return t.setup.passwordHint;
  const found = strength(password, known);
  const reached = found === "short" ? 0 : steps.indexOf(found) + 1;
  const colour = reached < 2 ? "bg-danger" : reached < 3 ? "bg-caution" : "bg-positive";
  return (
    <span className="flex items-center gap-3" aria-live="polite">
      <span aria-hidden className="flex flex-1 gap-1">
        {steps.map((step, index) => (
          <span
            key={step}
            className={`h-1 flex-1 rounded-full ${index < reached ? colour : "bg-tint-strong"}`}
          />
        ))}
      </span>
      <span className="sr-only">{t.setup.strength.label}: </span>
      {t.setup.strength[found]}
    </span>
  );
}
