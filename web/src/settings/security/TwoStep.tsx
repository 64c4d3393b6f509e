import { useState } from "react";
import { accounts, type Enrolment, type Factors } from "~/api/accounts";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Section } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { useProven } from "../parts/Prove";
import { Mark } from "../parts/Rows";
import { factorsQuery } from "../queries";
import { useSettingsWords } from "../words";
import { Enrol } from "./Enrol";
import { RecoveryCodes } from "./RecoveryCodes";

/** A code from an app after the password: turned on, renewed, turned off. */
export function TwoStep({ factors }: { factors: Factors }) {
  const all = useWords();
  const t = useSettingsWords().twoStep;
  const [enrolment, setEnrolment] = useState<Enrolment | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [asking, setAsking] = useState<"renew" | "off" | null>(null);
  const changed = () => queries.invalidateQueries({ queryKey: factorsQuery.queryKey });
  const enrol = useProven((_: null, password) => accounts.enrol(password), setEnrolment);
  const shown = (found: { recovery_codes: string[] }) => {
    setEnrolment(null);
    setAsking(null);
    setCodes(found.recovery_codes);
    changed();
  };
  return (
    <Section
      title={t.title}
      lead={t.lead}
      action={
        factors.totp ? (
          <Mark look="good">{t.on}</Mark>
        ) : (
          <Button look="outline" disabled={enrol.isPending} onClick={() => enrol.start(null)}>
            {t.turnOn}
          </Button>
        )
      }
    >
      {factors.totp && (
        <>
          <p className={factors.recovery_codes_left < 3 ? "text-caution" : "text-muted"}>
            {t.left(factors.recovery_codes_left)}
          </p>
          <div className="mt-3 flex flex-wrap gap-2">
            <Button look="outline" onClick={() => setAsking("renew")}>
              {t.renew}
            </Button>
            <Button look="quiet" className="text-danger" onClick={() => setAsking("off")}>
              {t.turnOff}
            </Button>
          </div>
        </>
      )}
      {enrol.error && <Trouble text={explain(enrol.error, all)} />}
      {enrol.question}
      {enrolment && <Enrol enrolment={enrolment} close={() => setEnrolment(null)} done={shown} />}
      {asking === "renew" && <Renew close={() => setAsking(null)} done={shown} />}
      {asking === "off" && (
        <TurnOff
          close={() => setAsking(null)}
          done={() => {
            setAsking(null);
            changed();
            notify(t.turnedOff);
          }}
        />
      )}
      {codes && <RecoveryCodes codes={codes} close={() => setCodes(null)} />}
    </Section>
  );
}

function Renew({ close, done }: { close: () => void; done: (codes: { recovery_codes: string[] }) => void }) {
  const all = useWords();
  const t = useSettingsWords().twoStep;
  const renew = useProven((_: null, password) => accounts.renewCodes(password), done);
  return (
    <>
      <Panel
        title={t.renewTitle}
        lead={t.renewLead}
        close={close}
        submit={{ label: t.renew, busy: renew.isPending, run: () => renew.start(null) }}
      >
        {renew.error ? <Trouble text={explain(renew.error, all)} /> : undefined}
      </Panel>
      {renew.question}
    </>
  );
}

function TurnOff({ close, done }: { close: () => void; done: () => void }) {
  const all = useWords();
  const t = useSettingsWords().twoStep;
  const disable = useProven((_: null, password) => accounts.disableTotp(password), done);
  return (
    <>
      <Panel
        title={t.turnOffTitle}
        lead={t.turnOffLead}
        close={close}
        submit={{ label: t.turnOff, busy: disable.isPending, run: () => disable.start(null), danger: true }}
      >
        {disable.error ? <Trouble text={explain(disable.error, all)} /> : undefined}
      </Panel>
      {disable.question}
    </>
  );
}
