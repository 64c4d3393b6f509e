import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Building2, ChevronRight, Plus } from "lucide-react";
import { useState } from "react";
import { Field } from "~/account/Field";
import { accounts } from "~/api/accounts";
import { explain } from "~/api/problems";
import { actAs, queries, workspacesQuery } from "~/api/queries";
import { useWords } from "~/i18n";
import { usePreference } from "~/preferences";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import type { PageProps } from "../Frame";
import { Choices } from "../parts/Choices";
import { Loaded } from "../parts/Loaded";
import { Page, Section } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Empty } from "../parts/Rows";
import { useSettingsWords } from "../words";
import { One } from "../workspaces/One";

/** The workspaces one is in, and whom one acts for; or one of them. */
export default function Workspaces({ item }: PageProps) {
  return item ? <One key={item} id={item} /> : <All />;
}

const YOURSELF = "yourself";

function All() {
  const all = useWords();
  const t = useSettingsWords().workspaces;
  const query = useQuery(workspacesQuery);
  const acting = usePreference("workspace");
  const [creating, setCreating] = useState(false);
  const create = (
    <Button onClick={() => setCreating(true)}>
      <Plus aria-hidden className="size-4" />
      {t.create}
    </Button>
  );
  return (
    <Page title={t.title} lead={t.lead} action={query.data?.length ? create : undefined}>
      <Loaded query={query}>
        {(workspaces) =>
          workspaces.length === 0 ? (
            <Empty title={t.emptyTitle} text={t.empty} action={create} />
          ) : (
            <>
              <ul aria-label={t.title} className="divide-y divide-line border-line border-y">
                {workspaces.map(({ id, name, role }) => (
                  <li key={id}>
                    <Link
                      to="/settings/$page/$item"
                      params={{ page: "workspaces", item: id }}
                      className="-mx-2 flex items-center gap-3.5 rounded-sm px-2 py-3 transition-colors duration-100 hover:bg-tint"
                    >
                      <span
                        aria-hidden
                        className="flex size-9 flex-none items-center justify-center rounded-full bg-tint text-muted"
                      >
                        <Building2 className="size-4" strokeWidth={1.75} />
                      </span>
                      <span className="min-w-0 flex-1 leading-snug">
                        <span className="block break-words font-medium">{name}</span>
                        <span className="block text-muted text-sm">{t.roles[role]}</span>
                      </span>
                      <ChevronRight aria-hidden className="size-4 flex-none text-muted" />
                    </Link>
                  </li>
                ))}
              </ul>
              <Section title={all.account.actingFor} lead={t.actingLead}>
                <Choices
                  label={all.account.actingFor}
                  value={acting ?? YOURSELF}
                  choose={(whom) => actAs(whom === YOURSELF ? null : whom)}
                  choices={[
                    { value: YOURSELF, label: all.account.yourself },
                    ...workspaces.map(({ id, name }) => ({ value: id, label: name })),
                  ]}
                />
              </Section>
            </>
          )
        }
      </Loaded>
      {creating && <Create close={() => setCreating(false)} />}
    </Page>
  );
}

function Create({ close }: { close: () => void }) {
  const all = useWords();
  const t = useSettingsWords().workspaces;
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const create = useMutation({
    mutationFn: accounts.createWorkspace,
    async onSuccess({ id }) {
      await queries.invalidateQueries({ queryKey: workspacesQuery.queryKey });
      close();
      navigate({ to: "/settings/$page/$item", params: { page: "workspaces", item: id } });
    },
  });
  return (
    <Panel
      title={t.create}
      lead={t.createLead}
      close={close}
      submit={{
        label: t.make,
        busy: create.isPending || !name.trim(),
        run: () => create.mutate(name.trim()),
      }}
    >
      <Field
        label={t.name}
        hint={t.nameHint}
        type="text"
        autoComplete="off"
        maxLength={100}
        autoFocus
        value={name}
        onChange={(event) => {
          setName(event.target.value);
          create.reset();
        }}
      />
      {create.error && <Trouble text={explain(create.error, all)} />}
    </Panel>
  );
}
