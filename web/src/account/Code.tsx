import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { accounts } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { inWords, useWords } from "~/i18n";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Card } from "./Card";
import { Field } from "./Field";
import { welcome } from "./SignIn";
import { useDoorWords } from "./words";

const DIGITS = 6;

/** The second step: a code from the app, or one of those kept for when the app is lost. */
export function Code({ challenge, back }: { challenge: string; back: (expired: boolean) => void }) {
  const all = useWords();
  const door = useDoorWords();
  const t = door.code;
  const input = useRef<HTMLFormElement>(null);
  const [recovery, setRecovery] = useState(false);
  const [code, setCode] = useState("");
  const signIn = useMutation({
    mutationFn: (given: string) => accounts.signInWithCode({ challenge, code: given }),
    onSuccess: welcome,
    onError(error) {
      if (error instanceof Problem && error.code === "second_step_expired") back(true);
      else input.current?.querySelector("input")?.select();
    },
  });
  const { error } = signIn;
  const wrong = error instanceof Problem && error.code === "wrong_code";
  const waiting = error instanceof Problem && error.status === 429 && error.retryAfter !== null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (code.trim() && !signIn.isPending) signIn.mutate(code.trim());
  };
  return (
    <Card title={t.title} lead={recovery ? t.recoveryLead : t.lead}>
      <form ref={input} onSubmit={submit} noValidate className="space-y-5">
        <Field
          key={recovery ? "recovery" : "app"}
          label={recovery ? t.recoveryLabel : t.label}
          type="text"
          name="code"
          inputMode={recovery ? "text" : "numeric"}
          autoComplete="one-time-code"
          autoCapitalize="off"
          spellCheck={false}
          autoFocus
          value={code}
          onChange={(event) => {
            const typed = event.target.value;
            setCode(typed);
            signIn.reset();
            // Six digits can mean nothing else, so nothing else needs pressing.
            if (!recovery && typed.replace(/\D/g, "").length === DIGITS) signIn.mutate(typed);
          }}
          className="font-mono tracking-[0.2em]"
          error={wrong ? (recovery ? t.wrongRecovery : t.wrong) : undefined}
        />
        {error && !wrong && (
          <Trouble
            text={waiting ? all.signIn.tooMany(inWords(error.retryAfter ?? 0, all)) : explain(error, all)}
          />
        )}
        <Button type="submit" disabled={signIn.isPending} className="h-11! w-full">
          {signIn.isPending ? all.signIn.submitting : t.submit}
        </Button>
      </form>
      <div className="mt-4 flex justify-between">
        <Button look="quiet" className="-ms-4" onClick={() => back(false)}>
          {door.back}
        </Button>
        <Button
          look="quiet"
          className="-me-4"
          onClick={() => {
            setRecovery(!recovery);
            setCode("");
            signIn.reset();
          }}
        >
          {recovery ? t.useApp : t.useRecovery}
        </Button>
      </div>
    </Card>
  );
}
