import { useState } from "react";
import { Field } from "~/account/Field";
import { useUser } from "~/account/useUser";
import { accounts } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { signedOut } from "~/api/queries";
import { drafts } from "~/chat/drafts";
import { Learning } from "~/feedback/Learning";
import { uploads } from "~/files/uploads";
import { useWords } from "~/i18n";
import { Imports } from "~/importing/Imports";
import { notify } from "~/notices";
import { Everything } from "~/sharing/Everything";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Page, Section } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { useProven } from "../parts/Prove";
import { useSettingsWords } from "../words";

/** Taking one's data along, and leaving. */
export default function YourData() {
  const t = useSettingsWords().data;
  const [leaving, setLeaving] = useState(false);
  return (
    <Page title={t.title} lead={t.lead}>
      <Everything />
      <Imports />
      <Learning />
      <Section title={t.delete} lead={t.deleteLead}>
        <ul className="list-disc space-y-1 ps-5 text-sm marker:text-muted">
          {t.consequences.map((consequence) => (
            <li key={consequence}>{consequence}</li>
          ))}
        </ul>
        <p className="mt-3 text-muted text-sm">{t.stays}</p>
        <Button look="danger" className="mt-5" onClick={() => setLeaving(true)}>
          {t.deleteButton}
        </Button>
      </Section>
      {leaving && <Leave close={() => setLeaving(false)} />}
    </Page>
  );
}

function Leave({ close }: { close: () => void }) {
  const all = useWords();
  const t = useSettingsWords().data;
  const user = useUser();
  const [typed, setTyped] = useState("");
  const leave = useProven(
    (_: null, password) => accounts.deleteAccount(password),
    () => {
      drafts.clear();
      uploads.clear();
      signedOut();
      notify(t.deleted);
    },
  );
  const meant = typed.trim().toLowerCase() === user?.email.toLowerCase();
  const only = leave.error instanceof Problem && leave.error.code === "last_owner";
  return (
    <>
      <Panel
        title={t.confirmTitle}
        lead={t.confirmLead}
        close={close}
        submit={{
          label: t.deleteButton,
          busy: leave.isPending || !meant,
          run: () => leave.start(null),
          danger: true,
        }}
      >
        <Field
          label={t.confirmLabel(user?.email ?? "")}
          type="text"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          autoFocus
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            leave.reset();
          }}
        />
        {leave.error && <Trouble text={only ? t.lastOwner : explain(leave.error, all)} />}
      </Panel>
      {leave.question}
    </>
  );
}
