import { useMutation, useQuery } from "@tanstack/react-query";
import { KeyRound, MoreHorizontal, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { accounts, type Key, type NewKey } from "~/api/accounts";
import { queries, workspacesQuery } from "~/api/queries";
import { useLocale, useNow } from "~/i18n";
import { notify } from "~/notices";
import { usePreference } from "~/preferences";
import { Button } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuItem } from "~/ui/Menu";
import { bodyOf, changesOf, type Draft } from "../keys/draft";
import { KeyForm } from "../keys/KeyForm";
import { Secret } from "../keys/Secret";
import { Confirm } from "../parts/Confirm";
import { Loaded } from "../parts/Loaded";
import { More } from "../parts/More";
import { Page } from "../parts/Page";
import { Empty, Mark, Row, Rows } from "../parts/Rows";
import { useWhen } from "../parts/when";
import { keysQuery } from "../queries";
import { useSettingsWords } from "../words";

const changed = () => queries.invalidateQueries({ queryKey: keysQuery.queryKey });

type Open = "create" | { edit: Key } | { revoke: Key } | { made: NewKey } | null;

/** The keys of whom one acts for. */
export default function Keys() {
  const t = useSettingsWords().keys;
  const query = useQuery(keysQuery);
  const now = useNow();
  const workspace = usePreference("workspace");
  const { data: workspaces } = useQuery(workspacesQuery);
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const acting = workspaces?.find((each) => each.id === workspace);
  const over = (key: Key) => key.revoked_at !== null || isPast(key.expires_at, now);
  const create = (
    <Button onClick={() => setOpen("create")}>
      <Plus aria-hidden className="size-4" />
      {t.create}
    </Button>
  );
  return (
    <Page
      title={t.title}
      lead={acting ? t.ofWorkspace(acting.name) : t.lead}
      action={query.data?.some((key) => !over(key)) && create}
    >
      <Loaded query={query}>
        {(keys) => {
          const good = keys.filter((key) => !over(key));
          const ended = keys.filter(over);
          return (
            <div>
              {good.length > 0 ? (
                <Rows label={t.title}>
                  {good.map((key) => (
                    <KeyRow key={key.id} shown={key} open={setOpen} />
                  ))}
                </Rows>
              ) : (
                <Empty title={t.emptyTitle} text={t.empty} action={create} />
              )}
              {ended.length > 0 && (
                <div className="mt-8">
                  <More title={`${t.ended} (${ended.length})`}>
                    <Rows label={t.ended}>
                      {ended.map((key) => (
                        <KeyRow key={key.id} shown={key} ended={key.revoked_at ? t.wasRevoked : t.over} />
                      ))}
                    </Rows>
                  </More>
                </div>
              )}
            </div>
          );
        }}
      </Loaded>
      {open === "create" && <Create close={close} made={(made) => setOpen({ made })} />}
      {open && open !== "create" && "edit" in open && <Edit shown={open.edit} close={close} />}
      {open && open !== "create" && "made" in open && <Secret made={open.made} close={close} />}
      {open && open !== "create" && "revoke" in open && (
        <Confirm
          title={t.revokeTitle(open.revoke.name)}
          lead={t.revokeLead}
          label={t.revoke}
          act={() => accounts.revokeKey(open.revoke.id)}
          done={() => {
            close();
            changed();
            notify(t.revoked);
          }}
          close={close}
        />
      )}
    </Page>
  );
}

function isPast(instant: string | null, now: number): boolean {
  return instant !== null && new Date(instant).getTime() <= now;
}

function KeyRow({ shown, open, ended }: { shown: Key; open?: (what: Open) => void; ended?: string }) {
  const t = useSettingsWords().keys;
  const { ago, day } = useWhen();
  const limits = useLimits();
  const scopes = shown.scopes.map((scope) => (scope === "all" ? t.everything : t.scopes[scope])).join(", ");
  return (
    <Row
      icon={KeyRound}
      title={shown.name}
      faded={ended !== undefined}
      mark={
        <>
          <code className="font-mono text-muted text-xs">…{shown.hint}</code>
          {ended && <Mark>{ended}</Mark>}
        </>
      }
      facts={[
        scopes,
        t.created(day(shown.created_at)),
        shown.last_used_at ? t.used(ago(shown.last_used_at)) : t.unused,
        !ended && shown.expires_at && t.until(day(shown.expires_at)),
        ...limits(shown),
      ]}
      action={
        open && (
          <Menu align="end" trigger={<IconButton label={t.options(shown.name)} icon={MoreHorizontal} />}>
            <MenuItem icon={Pencil} onSelect={() => open({ edit: shown })}>
              {t.edit}
            </MenuItem>
            <MenuItem icon={Trash2} danger onSelect={() => open({ revoke: shown })}>
              {t.revoke}
            </MenuItem>
          </Menu>
        )
      }
    />
  );
}

/** A key's own limits, in words. Amounts are shown to the digit that was set. */
function useLimits(): (key: Key) => string[] {
  const t = useSettingsWords().keys;
  const locale = useLocale();
  const count = new Intl.NumberFormat(locale);
  const money = (amount: string) => {
    const digits = amount.split(".")[1]?.replace(/0+$/, "").length ?? 0;
    return new Intl.NumberFormat(locale, {
      style: "currency",
      currency: "USD",
      currencyDisplay: "narrowSymbol",
      minimumFractionDigits: digits === 0 ? 0 : Math.max(2, digits),
      maximumFractionDigits: Math.max(2, digits),
    }).format(amount as `${number}`);
  };
  return ({ limits }) => [
    ...(limits.rpm == null ? [] : [t.limitRpm(count.format(limits.rpm))]),
    ...(limits.tpm == null ? [] : [t.limitTpm(count.format(limits.tpm))]),
    ...(limits.day_usd == null ? [] : [t.limitDay(money(limits.day_usd))]),
    ...(limits.month_usd == null ? [] : [t.limitMonth(money(limits.month_usd))]),
    ...(limits.total_usd == null ? [] : [t.limitTotal(money(limits.total_usd))]),
  ];
}

function Create({ close, made }: { close: () => void; made: (key: NewKey) => void }) {
  const create = useMutation({
    mutationFn: (draft: Draft) => accounts.createKey(bodyOf(draft, null, Date.now())),
    onSuccess(key) {
      changed();
      made(key);
    },
  });
  return (
    <KeyForm present={null} busy={create.isPending} error={create.error} send={create.mutate} close={close} />
  );
}

function Edit({ shown, close }: { shown: Key; close: () => void }) {
  const t = useSettingsWords();
  const edit = useMutation({
    mutationFn: (draft: Draft) => accounts.changeKey(shown.id, changesOf(draft, shown, Date.now())),
    onSuccess() {
      close();
      changed();
      notify(t.saved);
    },
  });
  return (
    <KeyForm present={shown} busy={edit.isPending} error={edit.error} send={edit.mutate} close={close} />
  );
}
