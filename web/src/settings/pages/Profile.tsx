import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Field } from "~/account/Field";
import { useUser } from "~/account/useUser";
import { accounts } from "~/api/accounts";
import { api, Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { signedIn } from "~/api/queries";
import { type Locale, languages, useLocale, useWords } from "~/i18n";
import { notify } from "~/notices";
import { preferences, usePreference } from "~/preferences";
import { chooseLocale, chooseTheme, type Theme } from "~/shell/settings";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Choices } from "../parts/Choices";
import { Page, Section } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { useProven } from "../parts/Prove";
import { useSettingsWords } from "../words";

/** Who one is here, and how one likes things. */
export default function Profile() {
  const t = useSettingsWords();
  return (
    <Page title={t.profile.title} lead={t.profile.lead}>
      <Name />
      <Email />
      <Appearance />
      <Reading />
      <Language />
    </Page>
  );
}

function Name() {
  const all = useWords();
  const t = useSettingsWords();
  const user = useUser();
  const [name, setName] = useState(user?.name ?? "");
  const save = useMutation({
    mutationFn: api.changeUser,
    onSuccess(changed) {
      signedIn(changed);
      setName(changed.name);
      notify(t.saved);
    },
  });
  const changed = name.trim() !== user?.name;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (changed && name.trim()) save.mutate({ name: name.trim() });
  };
  return (
    <Section title={t.profile.name} lead={t.profile.nameLead}>
      <form onSubmit={submit} noValidate className="flex max-w-md items-start gap-2">
        <div className="flex-1">
          <Field
            label={t.profile.name}
            hideLabel
            type="text"
            autoComplete="name"
            maxLength={100}
            value={name}
            onChange={(event) => {
              setName(event.target.value);
              save.reset();
            }}
            error={name.trim() ? undefined : all.setup.missingName}
          />
        </div>
        <Button
          type="submit"
          look="outline"
          disabled={!changed || !name.trim() || save.isPending}
          className="h-11!"
        >
          {save.isPending ? t.saving : t.save}
        </Button>
      </form>
      {save.error && <Trouble text={explain(save.error, all)} />}
    </Section>
  );
}

function Email() {
  const t = useSettingsWords();
  const user = useUser();
  const [open, setOpen] = useState(false);
  return (
    <Section title={t.profile.email} lead={t.profile.emailLead}>
      <div className="flex max-w-md items-center gap-2">
        <p className="min-w-0 flex-1 break-words">{user?.email}</p>
        <Button look="outline" onClick={() => setOpen(true)}>
          {t.change}
        </Button>
      </div>
      {open && <NewEmail present={user?.email ?? ""} close={() => setOpen(false)} />}
    </Section>
  );
}

function NewEmail({ present, close }: { present: string; close: () => void }) {
  const all = useWords();
  const t = useSettingsWords();
  const [email, setEmail] = useState("");
  const [wrong, setWrong] = useState<string>();
  const change = useProven(accounts.askForEmail, (_, wanted) => {
    close();
    notify(t.profile.linkSent(wanted));
  });
  const refused =
    change.error instanceof Problem && change.error.code === "invalid_email" ? all.setup.invalidEmail : null;
  const run = () => {
    const wanted = email.trim();
    if (!/^\S+@\S+\.\S+$/.test(wanted)) setWrong(all.setup.invalidEmail);
    else if (wanted.toLowerCase() === present.toLowerCase()) setWrong(t.profile.sameEmail);
    else change.start(wanted);
  };
  return (
    <>
      <Panel
        title={t.profile.changeEmail}
        lead={t.profile.changeEmailLead}
        close={close}
        submit={{ label: t.profile.sendLink, busy: change.isPending, run }}
      >
        <Field
          label={t.profile.newEmail}
          type="email"
          autoComplete="email"
          inputMode="email"
          autoFocus
          value={email}
          onChange={(event) => {
            setEmail(event.target.value);
            setWrong(undefined);
            change.reset();
          }}
          error={wrong ?? refused ?? undefined}
        />
        {change.error && !refused && <Trouble text={explain(change.error, all)} />}
      </Panel>
      {change.question}
    </>
  );
}

function Appearance() {
  const all = useWords();
  const t = useSettingsWords();
  const theme: Theme = usePreference("theme") ?? "system";
  return (
    <Section title={t.profile.appearance}>
      <Choices
        label={t.profile.appearance}
        value={theme}
        choose={chooseTheme}
        choices={(["light", "dark", "system"] as const).map((value) => ({
          value,
          label: all.account[value],
          picture: <PageIn theme={value} />,
        }))}
      />
    </Section>
  );
}

/** A page in small, as each theme shows it. */
function PageIn({ theme }: { theme: Theme }) {
  const half = (only: "light" | "dark") => (
    <span className={`flex min-w-0 flex-1 bg-sunken ${only === "light" ? "scheme-light" : "scheme-dark"}`}>
      <span className="w-[22%] flex-none border-line border-e" />
      <span className="flex min-w-0 flex-1 flex-col gap-1.5 overflow-hidden bg-paper p-2">
        <span className="ms-auto h-1.5 w-2/5 rounded-full bg-tint-strong" />
        <span className="h-1 w-full rounded-full bg-muted/60" />
        <span className="h-1 w-4/5 rounded-full bg-muted/60" />
        <span className="mt-auto h-2 w-full rounded-full border border-line bg-raised" />
      </span>
    </span>
  );
  return (
    <span aria-hidden className="flex h-16 overflow-hidden rounded-[5px] border border-line">
      {theme !== "dark" && half("light")}
      {theme !== "light" && half("dark")}
    </span>
  );
}

function Reading() {
  const all = useWords();
  const t = useSettingsWords();
  const reading = usePreference("reading") ?? "sans";
  return (
    <Section title={t.profile.reading} lead={t.profile.readingLead}>
      <Choices
        label={t.profile.reading}
        value={reading}
        choose={(face) => preferences.set("reading", face === "serif" ? "serif" : null)}
        choices={[
          { value: "sans", label: all.account.sans },
          { value: "serif", label: <span className="font-serif">{all.account.serif}</span> },
        ]}
      />
      <p className={`mt-4 text-muted ${reading === "serif" ? "font-serif text-[1.0625rem]" : ""}`}>
        {t.profile.sample}
      </p>
    </Section>
  );
}

function Language() {
  const t = useSettingsWords();
  const locale = useLocale();
  return (
    <Section title={t.profile.language} lead={t.profile.languageLead}>
      <Choices
        label={t.profile.language}
        value={locale}
        choose={chooseLocale}
        choices={(Object.keys(languages) as Locale[]).map((value) => ({
          value,
          label: languages[value],
          lang: value,
        }))}
      />
    </Section>
  );
}
