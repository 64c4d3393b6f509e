import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useUser } from "~/account/useUser";
import { canAsk, turnOn } from "~/alerts/alerts";
import { queries } from "~/api/queries";
import { notify } from "~/notices";
import { arrive, forgetConversations } from "~/offline";
import { useInstall } from "~/offline/installing";
import { countKept } from "~/offline/keeping";
import { preferences, usePreference } from "~/preferences";
import { Button } from "~/ui/Button";
import { useMedia } from "~/ui/useMedia";
import { Page, Section } from "../parts/Page";
import { Switch } from "../parts/Switch";
import { useSettingsWords } from "../words";

const keptQuery = { queryKey: ["kept"], queryFn: countKept, refetchInterval: 2_000 };

/** What this browser does for its reader, and keeps of them. */
export default function Device() {
  const t = useSettingsWords().device;
  return (
    <Page title={t.title} lead={t.lead}>
      <Installing />
      <Offline />
      <Alerts />
    </Page>
  );
}

function Installing() {
  const t = useSettingsWords().device;
  const install = useInstall();
  const installed = useMedia("(display-mode: standalone)");
  return (
    <Section
      title={t.app}
      lead={installed ? t.installed : install ? t.appLead : t.installHow}
      action={
        install &&
        !installed && (
          <Button look="outline" onClick={install}>
            {t.install}
          </Button>
        )
      }
    />
  );
}

function Offline() {
  const t = useSettingsWords().device;
  const user = useUser();
  const on = usePreference("offline") !== "off";
  const kept = useQuery(keptQuery).data;
  const turn = async (wanted: boolean) => {
    preferences.set("offline", wanted ? null : "off");
    if (wanted && user) await arrive(user.id);
    else {
      await forgetConversations();
      notify(t.removed);
    }
    queries.invalidateQueries({ queryKey: keptQuery.queryKey });
  };
  return (
    <Section title={t.offline} lead={t.offlineLead} action={<Switch label={t.offline} on={on} turn={turn} />}>
      {on && kept !== undefined && <p className="text-muted text-sm tabular-nums">{t.kept(kept)}</p>}
    </Section>
  );
}

function Alerts() {
  const t = useSettingsWords().device;
  const wanted = usePreference("alerts") === "on";
  const [forbidden, setForbidden] = useState(false);
  const possible = "Notification" in window && "serviceWorker" in navigator;
  const on = wanted && possible && Notification.permission === "granted";
  const turn = async (next: boolean) => {
    if (!next) preferences.set("alerts", "off");
    else setForbidden(!(await turnOn()));
  };
  return (
    <Section
      title={t.alerts}
      lead={t.alertsLead}
      action={<Switch label={t.alerts} on={on} busy={!possible} turn={turn} />}
    >
      {!possible ? (
        <p className="text-muted text-sm">{t.impossible}</p>
      ) : (
        (forbidden || !canAsk()) && (
          <p role="status" className="text-muted text-sm">
            {t.forbidden}
          </p>
        )
      )}
    </Section>
  );
}
