import { useQuery } from "@tanstack/react-query";
import { Link2 } from "lucide-react";
import { useState } from "react";
import { signUpOptionsQuery } from "~/account/options";
import { accounts, type Identity, type Provider } from "~/api/accounts";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Confirm } from "../parts/Confirm";
import { Loaded } from "../parts/Loaded";
import { Section } from "../parts/Page";
import { useProven } from "../parts/Prove";
import { Row, Rows } from "../parts/Rows";
import { useWhen } from "../parts/when";
import { identitiesQuery } from "../queries";
import { useSettingsWords } from "../words";

/** Accounts at other services; nothing where there are neither services nor accounts. */
export function Identities() {
  const words = useSettingsWords();
  const t = words.identities;
  const { ago } = useWhen();
  const { data: options } = useQuery(signUpOptionsQuery);
  const query = useQuery(identitiesQuery);
  const [leaving, setLeaving] = useState<Identity | null>(null);
  const linked = new Set(query.data?.map((identity) => identity.provider));
  const providers = options?.providers.filter((provider) => !linked.has(provider.name)) ?? [];
  if (providers.length === 0 && !query.data?.length) return null;
  return (
    <Section title={t.title} lead={t.lead}>
      <Loaded query={query} rows={1}>
        {(identities) =>
          identities.length > 0 && (
            <Rows label={t.title}>
              {identities.map((identity) => (
                <Row
                  key={identity.id}
                  icon={Link2}
                  title={identity.title}
                  facts={[
                    identity.email,
                    identity.last_used_at
                      ? words.passkeys.lastUsed(ago(identity.last_used_at))
                      : words.passkeys.neverUsed,
                  ]}
                  action={
                    <Button look="quiet" onClick={() => setLeaving(identity)}>
                      {t.unlink}
                    </Button>
                  }
                />
              ))}
            </Rows>
          )
        }
      </Loaded>
      {providers.length > 0 && (
        <div className="mt-4 flex flex-wrap gap-2">
          {providers.map((provider) => (
            <LinkButton key={provider.name} provider={provider} />
          ))}
        </div>
      )}
      {leaving && (
        <Confirm
          title={t.unlinkTitle(leaving.title)}
          lead={t.unlinkLead}
          label={t.unlink}
          act={() => accounts.unlink(leaving.id)}
          refusals={{ last_way_in: t.lastWay }}
          done={() => {
            setLeaving(null);
            queries.invalidateQueries({ queryKey: identitiesQuery.queryKey });
            notify(t.unlinked);
          }}
          close={() => setLeaving(null)}
        />
      )}
    </Section>
  );
}

function LinkButton({ provider }: { provider: Provider }) {
  const all = useWords();
  const t = useSettingsWords().identities;
  const link = useProven(
    (name: string, password) => accounts.link(name, password),
    ({ url }) => window.location.assign(url),
  );
  return (
    <>
      <Button look="outline" disabled={link.isPending} onClick={() => link.start(provider.name)}>
        {t.link(provider.title)}
      </Button>
      {link.error && <Trouble text={explain(link.error, all)} />}
      {link.question}
    </>
  );
}
