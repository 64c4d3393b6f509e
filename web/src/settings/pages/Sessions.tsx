import { useMutation, useQuery } from "@tanstack/react-query";
import { Laptop, Smartphone } from "lucide-react";
import { useState } from "react";
import { accounts } from "~/api/accounts";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Confirm } from "../parts/Confirm";
import { Loaded } from "../parts/Loaded";
import { Page } from "../parts/Page";
import { Mark, Row, Rows } from "../parts/Rows";
import { useWhen } from "../parts/when";
import { sessionsQuery } from "../queries";
import { useSettingsWords } from "../words";

const handheld = new Set(["iOS", "iPadOS", "Android"]);

/** Where one is signed in, and the end of it. */
export default function Sessions() {
  const all = useWords();
  const t = useSettingsWords().sessions;
  const { ago, day } = useWhen();
  const query = useQuery(sessionsQuery);
  const [asking, setAsking] = useState(false);
  const changed = () => queries.invalidateQueries({ queryKey: sessionsQuery.queryKey });
  const end = useMutation({
    mutationFn: accounts.revokeSession,
    onSuccess() {
      changed();
      notify(t.ended);
    },
  });
  return (
    <Page title={t.title} lead={t.lead}>
      <Loaded query={query}>
        {(sessions) => {
          const others = sessions.filter((session) => !session.current);
          return (
            <div>
              {end.error && <Trouble text={explain(end.error, all)} />}
              <Rows label={t.title}>
                {[...sessions.filter((session) => session.current), ...others].map((session) => {
                  const name = t.browser(session.browser, session.system);
                  return (
                    <Row
                      key={session.id}
                      icon={handheld.has(session.system ?? "") ? Smartphone : Laptop}
                      title={name}
                      mark={session.current && <Mark look="good">{t.here}</Mark>}
                      facts={[
                        !session.current && t.seen(ago(session.last_seen_at)),
                        t.since(day(session.created_at)),
                        session.network && t.from(session.network),
                      ]}
                      action={
                        !session.current && (
                          <Button
                            look="quiet"
                            aria-label={t.endThis(name)}
                            disabled={end.isPending}
                            onClick={() => end.mutate(session.id)}
                          >
                            {t.end}
                          </Button>
                        )
                      }
                    />
                  );
                })}
              </Rows>
              <div className="mt-5">
                {others.length > 0 ? (
                  <Button look="outline" onClick={() => setAsking(true)}>
                    {t.others}
                  </Button>
                ) : (
                  <p className="text-muted text-sm">{t.alone}</p>
                )}
              </div>
            </div>
          );
        }}
      </Loaded>
      {asking && (
        <Confirm
          title={t.othersTitle}
          lead={t.othersLead}
          label={t.others}
          act={accounts.revokeOtherSessions}
          done={() => {
            setAsking(false);
            changed();
            notify(t.othersEnded);
          }}
          close={() => setAsking(false)}
        />
      )}
    </Page>
  );
}
