import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "~/account/Field";
import { accounts, type Enrolment } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { Trouble } from "~/ui/Trouble";
import { Kept } from "../parts/Kept";
import { Panel } from "../parts/Panel";
import { useSettingsWords } from "../words";

interface Props {
  enrolment: Enrolment;
  close: () => void;
  done: (codes: { recovery_codes: string[] }) => void;
}

/** The secret as a picture and as text, and the first code as the proof that the app has it. */
export function Enrol({ enrolment, close, done }: Props) {
  const all = useWords();
  const t = useSettingsWords().twoStep;
  const [code, setCode] = useState("");
  const confirm = useMutation({ mutationFn: accounts.confirmTotp, onSuccess: done });
  const { error } = confirm;
  const wrong = error instanceof Problem && error.code === "wrong_code";
  return (
    <Panel
      title={t.scanTitle}
      lead={t.scanLead}
      close={close}
      wide
      submit={{
        label: t.confirm,
        busy: confirm.isPending,
        run: () => code.trim() && confirm.mutate(code.trim()),
      }}
    >
      <div className="flex flex-col items-center gap-5 sm:flex-row sm:items-start">
        {/* Readers of such codes want them dark on light, whatever the theme. */}
        <div className="scheme-light flex-none rounded-md border border-line bg-raised p-2">
          <img src={enrolment.qr} alt={t.qr} className="size-40" />
        </div>
        <div className="w-full min-w-0 flex-1 space-y-5">
          <Kept label={t.key} value={inFours(enrolment.secret)} words={t} />
          <Field
            label={t.code}
            type="text"
            inputMode="numeric"
            autoComplete="one-time-code"
            autoFocus
            className="font-mono tracking-[0.2em]"
            value={code}
            onChange={(event) => {
              setCode(event.target.value);
              confirm.reset();
            }}
            error={wrong ? t.wrong : undefined}
          />
        </div>
      </div>
      {error && !wrong && <Trouble text={explain(error, all)} />}
    </Panel>
  );
}

/** A secret as it is easiest to type off. */
function inFours(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(" ") ?? secret;
}
