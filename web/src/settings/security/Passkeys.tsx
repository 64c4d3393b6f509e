import { useMutation, useQuery } from "@tanstack/react-query";
import { Fingerprint, MoreHorizontal, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { Field } from "~/account/Field";
import { signUpOptionsQuery } from "~/account/options";
import { browserHasPasskeys, makePasskey } from "~/account/webauthn";
import { accounts, type Passkey } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { Button } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuItem } from "~/ui/Menu";
import { Trouble } from "~/ui/Trouble";
import { Confirm } from "../parts/Confirm";
import { Section } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { useProven } from "../parts/Prove";
import { Row, Rows } from "../parts/Rows";
import { useWhen } from "../parts/when";
import { factorsQuery } from "../queries";
import { useSettingsWords } from "../words";
import { device } from "./device";

const changed = () => queries.invalidateQueries({ queryKey: factorsQuery.queryKey });

/** The passkeys one has, and the way to another. */
export function Passkeys({ passkeys }: { passkeys: readonly Passkey[] }) {
  const t = useSettingsWords().passkeys;
  const { ago } = useWhen();
  const { data: options } = useQuery(signUpOptionsQuery);
  const [open, setOpen] = useState<"add" | { rename: Passkey } | { remove: Passkey } | null>(null);
  const close = () => setOpen(null);
  const possible = browserHasPasskeys && options?.passkeys !== false;
  return (
    <Section
      title={t.title}
      lead={t.lead}
      action={
        possible && (
          <Button look="outline" onClick={() => setOpen("add")}>
            {t.add}
          </Button>
        )
      }
    >
      {passkeys.length > 0 ? (
        <Rows label={t.title}>
          {passkeys.map((passkey) => (
            <Row
              key={passkey.id}
              icon={Fingerprint}
              title={passkey.name}
              facts={[
                passkey.synced ? t.synced : t.single,
                passkey.last_used_at ? t.lastUsed(ago(passkey.last_used_at)) : t.neverUsed,
              ]}
              action={
                <Menu
                  align="end"
                  trigger={<IconButton label={t.options(passkey.name)} icon={MoreHorizontal} />}
                >
                  <MenuItem icon={Pencil} onSelect={() => setOpen({ rename: passkey })}>
                    {t.rename}
                  </MenuItem>
                  <MenuItem icon={Trash2} danger onSelect={() => setOpen({ remove: passkey })}>
                    {t.remove}
                  </MenuItem>
                </Menu>
              }
            />
          ))}
        </Rows>
      ) : (
        <p className="text-muted text-sm">{possible ? t.empty : t.unavailable}</p>
      )}
      {open === "add" && <Add close={close} />}
      {open && open !== "add" && "rename" in open && <Rename passkey={open.rename} close={close} />}
      {open && open !== "add" && "remove" in open && (
        <Confirm
          title={t.removeTitle(open.remove.name)}
          lead={t.removeLead}
          label={t.remove}
          act={() => accounts.removePasskey(open.remove.id)}
          done={() => {
            close();
            changed();
            notify(t.removed);
          }}
          close={close}
        />
      )}
    </Section>
  );
}

function Add({ close }: { close: () => void }) {
  const all = useWords();
  const t = useSettingsWords().passkeys;
  const [name, setName] = useState(device() ?? t.thisDevice);
  const [problem, setProblem] = useState<string | null>(null);
  const add = useProven(
    async (called: string, password) => {
      const credential = await makePasskey((await accounts.passkeyOptions(password)).public_key);
      return credential && accounts.addPasskey({ name: called, credential });
    },
    (made) => {
      if (!made) return setProblem(t.declined);
      close();
      changed();
      notify(t.added);
    },
  );
  // What the browser itself says when the device is registered already.
  const known =
    (add.error instanceof DOMException && add.error.name === "InvalidStateError") ||
    (add.error instanceof Problem && add.error.code === "passkey_known");
  const said = known ? t.known : add.error ? explain(add.error, all) : problem;
  return (
    <>
      <Panel
        title={t.add}
        lead={t.addLead}
        close={close}
        submit={{
          label: t.create,
          busy: add.isPending || !name.trim(),
          run() {
            setProblem(null);
            add.start(name.trim());
          },
        }}
      >
        <Field
          label={t.name}
          type="text"
          autoComplete="off"
          maxLength={100}
          autoFocus
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        {said && <Trouble text={said} />}
      </Panel>
      {add.question}
    </>
  );
}

function Rename({ passkey, close }: { passkey: Passkey; close: () => void }) {
  const all = useWords();
  const words = useSettingsWords();
  const t = words.passkeys;
  const [name, setName] = useState(passkey.name);
  const rename = useMutation({
    mutationFn: () => accounts.renamePasskey(passkey.id, name.trim()),
    onSuccess() {
      close();
      changed();
    },
  });
  return (
    <Panel
      title={t.renameTitle}
      close={close}
      submit={{
        label: words.save,
        busy: rename.isPending || !name.trim(),
        run: () => rename.mutate(),
      }}
    >
      <Field
        label={t.name}
        type="text"
        autoComplete="off"
        maxLength={100}
        autoFocus
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      {rename.error && <Trouble text={explain(rename.error, all)} />}
    </Panel>
  );
}
