import { type ComponentProps, useId, useState } from "react";
import { Field } from "~/account/Field";
import type { Key, Scope } from "~/api/accounts";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { Trouble } from "~/ui/Trouble";
import { More } from "../parts/More";
import { Panel } from "../parts/Panel";
import { Select } from "../parts/Select";
import { useWhen } from "../parts/when";
import { useSettingsWords } from "../words";
import { DAYS, type Draft, draftOf, type End, LIMITS, SCOPES, type Wrong, wrongIn } from "./draft";

interface Props {
  /** The key to change; null for a new one. */
  present: Key | null;
  busy: boolean;
  error: Error | null;
  send: (draft: Draft) => void;
  close: () => void;
}

/** What a key is called, what it may do, when it ends and how much it may be used. */
export function KeyForm({ present, busy, error, send, close }: Props) {
  const all = useWords();
  const words = useSettingsWords();
  const t = words.keys;
  const { day } = useWhen();
  const [draft, setDraft] = useState(() => draftOf(present));
  const [wrong, setWrong] = useState<Wrong>({});
  const [limits] = useState(() => Object.values(draft.limits).some(Boolean));
  const change = (to: Partial<Draft>) => {
    setDraft({ ...draft, ...to });
    setWrong({});
  };
  const said = { missing: t.missingName, count: t.wrongCount, amount: t.wrongAmount };
  const labels = { rpm: t.rpm, tpm: t.tpm, day_usd: t.day, month_usd: t.month, total_usd: t.total };
  const run = () => {
    const found = wrongIn(draft);
    setWrong(found);
    if (Object.keys(found).length === 0) send(draft);
  };
  return (
    <Panel
      title={present ? t.editTitle : t.create}
      close={close}
      wide
      submit={{ label: present ? words.save : t.make, busy, run }}
    >
      <Field
        label={t.name}
        hint={t.nameHint}
        type="text"
        autoComplete="off"
        maxLength={100}
        autoFocus
        value={draft.name}
        onChange={(event) => change({ name: event.target.value })}
        error={wrong.name && said[wrong.name]}
      />
      <Scopes
        chosen={draft.scopes}
        choose={(scopes) => change({ scopes })}
        error={wrong.scopes && t.missingScope}
      />
      <Select label={t.ends} value={draft.end} choose={(end) => change({ end: end as End })}>
        {present?.expires_at && <option value="keep">{t.endsKeep(day(present.expires_at))}</option>}
        <option value="never">{t.endsNever}</option>
        {DAYS.map((days) => (
          <option key={days} value={days}>
            {t.endsIn(days)}
          </option>
        ))}
      </Select>
      <More title={t.limits} open={limits || LIMITS.some((limit) => wrong[limit])}>
        <p className="mt-1 mb-4 text-muted text-sm">{t.limitsHint}</p>
        <div className="grid gap-4 sm:grid-cols-2">
          {LIMITS.map((limit) => {
            const problem = wrong[limit];
            return (
              <Field
                key={limit}
                label={labels[limit]}
                type="text"
                inputMode={limit.endsWith("_usd") ? "decimal" : "numeric"}
                autoComplete="off"
                className="tabular-nums"
                hint={present?.imposed.includes(limit) ? t.imposed : undefined}
                value={draft.limits[limit]}
                onChange={(event) => change({ limits: { ...draft.limits, [limit]: event.target.value } })}
                error={problem && said[problem]}
              />
            );
          })}
        </div>
      </More>
      {error && (
        <Trouble
          text={
            error instanceof Problem && error.code === "limit_imposed" ? t.limitImposed : explain(error, all)
          }
        />
      )}
    </Panel>
  );
}

function Scopes({
  chosen,
  choose,
  error,
}: {
  chosen: ReadonlySet<Scope>;
  choose: (scopes: ReadonlySet<Scope>) => void;
  error: string | undefined;
}) {
  const t = useSettingsWords().keys;
  const name = useId();
  const everything = chosen.has("all");
  return (
    <fieldset aria-describedby={error ? `${name}-error` : undefined}>
      <legend className="mb-1.5 font-medium text-sm">{t.may}</legend>
      <Option type="radio" name={name} checked={everything} onChange={() => choose(new Set(["all"]))}>
        {t.everything} <span className="text-muted">· {t.everythingHint}</span>
      </Option>
      <Option type="radio" name={name} checked={!everything} onChange={() => choose(new Set(["inference"]))}>
        {t.some}
      </Option>
      {!everything && (
        <div className="ms-7">
          {SCOPES.map((scope) => (
            <Option
              key={scope}
              type="checkbox"
              checked={chosen.has(scope)}
              onChange={({ target }) => {
                const next = new Set(chosen);
                if (target.checked) next.add(scope);
                else next.delete(scope);
                choose(next);
              }}
            >
              {t.scopes[scope]}
            </Option>
          ))}
        </div>
      )}
      {error && (
        <p id={`${name}-error`} className="mt-1.5 text-danger text-sm">
          {error}
        </p>
      )}
    </fieldset>
  );
}

function Option({ children, ...input }: ComponentProps<"input">) {
  return (
    <label className="flex min-h-8 cursor-pointer items-center gap-3 text-sm touch:min-h-11">
      <input className="size-4 flex-none accent-accent" {...input} />
      <span>{children}</span>
    </label>
  );
}
