import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useDoorWords } from "~/account/words";
import { Trouble } from "~/ui/Trouble";
import { Loaded } from "../parts/Loaded";
import { Page } from "../parts/Page";
import { factorsQuery } from "../queries";
import { Identities } from "../security/Identities";
import { Passkeys } from "../security/Passkeys";
import { Password } from "../security/Password";
import { TwoStep } from "../security/TwoStep";
import { useSettingsWords } from "../words";

/** What one proves oneself with. */
export default function Security() {
  const t = useSettingsWords();
  const factors = useQuery(factorsQuery);
  return (
    <Page title={t.security.title} lead={t.security.lead}>
      <Refused />
      <Loaded query={factors}>
        {(known) => (
          <>
            <Password exists={known.password} />
            <TwoStep factors={known} />
            <Passkeys passkeys={known.passkeys} />
            <Identities />
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** Why another service did not link the account: it sends the browser back with the reason's code. */
function Refused() {
  const door = useDoorWords();
  const { error } = useSearch({ strict: false });
  if (!error) return null;
  const errors: Record<string, string> = door.signIn.errors;
  return <Trouble text={errors[error] ?? door.signIn.errors.other} />;
}
