import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "~/account/Field";
import { Meter } from "~/account/Meter";
import { SHORTEST } from "~/account/strength";
import { useUser } from "~/account/useUser";
import { accounts } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import { inWords, useWords } from "~/i18n";
import { notify } from "~/notices";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Section } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { factorsQuery, sessionsQuery } from "../queries";
import { useSettingsWords } from "../words";

export function Password({ exists }: { exists: boolean }) {
  const t = useSettingsWords();
  const [open, setOpen] = useState(false);
  return (
    <Section
      title={t.security.password}
      lead={exists ? t.security.passwordLead : t.security.passwordNone}
      action={
        <Button look="outline" onClick={() => setOpen(true)}>
          {exists ? t.change : t.security.setPassword}
        </Button>
      }
    >
      {open && <Change exists={exists} close={() => setOpen(false)} />}
    </Section>
  );
}

function Change({ exists, close }: { exists: boolean; close: () => void }) {
  const all = useWords();
  const t = useSettingsWords();
  const user = useUser();
  const [given, setGiven] = useState({ present: "", fresh: "" });
  const [wrong, setWrong] = useState<Partial<typeof given>>({});
  const change = useMutation({
    mutationFn: () =>
      accounts.changePassword({
        new_password: given.fresh,
        ...(exists ? { present_password: given.present } : {}),
      }),
    onSuccess() {
      queries.invalidateQueries({ queryKey: factorsQuery.queryKey });
      queries.invalidateQueries({ queryKey: sessionsQuery.queryKey });
      close();
      notify(t.security.passwordChanged);
    },
    onError(error) {
      if (!(error instanceof Problem)) return;
      if (error.code === "wrong_password") setWrong({ present: t.prove.wrong });
      if (error.code === "weak_password") setWrong({ fresh: all.setup.weakPassword });
    },
  });
  const run = () => {
    const problems = {
      ...(given.present || !exists ? {} : { present: t.security.missingPresent }),
      ...([...given.fresh].length >= SHORTEST ? {} : { fresh: all.setup.shortPassword }),
    };
    setWrong(problems);
    if (Object.keys(problems).length === 0) change.mutate();
  };
  const field = (name: keyof typeof given) => ({
    type: "password",
    value: given[name],
    error: wrong[name],
    onChange(event: { target: HTMLInputElement }) {
      setGiven({ ...given, [name]: event.target.value });
      setWrong({ ...wrong, [name]: undefined });
      change.reset();
    },
  });
  const { error } = change;
  const waiting = error instanceof Problem && error.status === 429 && error.retryAfter !== null;
  return (
    <Panel
      title={exists ? t.security.changePassword : t.security.setPassword}
      close={close}
      submit={{ label: t.save, busy: change.isPending, run }}
    >
      <input type="email" name="username" autoComplete="username" value={user?.email} readOnly hidden />
      {exists && (
        <Field label={t.security.present} autoComplete="current-password" autoFocus {...field("present")} />
      )}
      <Field
        label={t.security.fresh}
        autoComplete="new-password"
        hint={
          <Meter
            password={given.fresh}
            known={[...(user?.name.split(/\s+/) ?? []), ...(user?.email.split(/[@.]/) ?? [])]}
          />
        }
        {...field("fresh")}
      />
      {error && !Object.values(wrong).some(Boolean) && (
        <Trouble
          text={waiting ? all.signIn.tooMany(inWords(error.retryAfter ?? 0, all)) : explain(error, all)}
        />
      )}
    </Panel>
  );
}
