import { KeyRound } from "lucide-react";
import { useState } from "react";
import { admin, type HeldKey } from "~/api/admin";
import { queries } from "~/api/queries";
import { useNow } from "~/i18n";
import { notify } from "~/notices";
import { Confirm } from "~/settings/parts/Confirm";
import { Page } from "~/settings/parts/Page";
import { Mark, Row } from "~/settings/parts/Rows";
import { useWhen } from "~/settings/parts/when";
import { Button } from "~/ui/Button";
import { List } from "../List";
import { useConsoleWords } from "../words";

/** Everybody's keys, to be ended when one has leaked. */
export default function Keys() {
  const all = useConsoleWords();
  const t = all.keys;
  const { ago } = useWhen();
  const now = useNow();
  const [revoking, setRevoking] = useState<HeldKey | null>(null);
  const over = ({ revoked_at, expires_at }: HeldKey) =>
    revoked_at ? t.revoked : expires_at && new Date(expires_at).getTime() <= now ? t.expired : null;
  return (
    <Page title={t.title} lead={t.lead}>
      <List name="keys" label={t.title} hint={t.searchHint} empty={t.empty} load={admin.keys}>
        {(key) => (
          <Row
            key={key.id}
            icon={KeyRound}
            title={key.name}
            faded={over(key) !== null}
            mark={
              <>
                <code className="font-mono text-muted text-xs">…{key.hint}</code>
                {over(key) && <Mark>{over(key)}</Mark>}
              </>
            }
            facts={[
              key.maker_email,
              key.workspace_id !== null && t.forWorkspace,
              key.last_used_at ? t.used(ago(key.last_used_at)) : t.unused,
            ]}
            action={
              over(key) === null && (
                <Button look="outline" onClick={() => setRevoking(key)}>
                  {t.revoke}
                </Button>
              )
            }
          />
        )}
      </List>
      {revoking && (
        <Confirm
          title={t.revokeTitle(revoking.name)}
          lead={t.revokeLead(revoking.maker_email)}
          label={t.revoke}
          act={() => admin.revokeKey(revoking.id)}
          done={() => {
            setRevoking(null);
            queries.invalidateQueries({ queryKey: ["console"] });
            notify(all.account.done);
          }}
          close={() => setRevoking(null)}
        />
      )}
    </Page>
  );
}
