import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useRouterState } from "@tanstack/react-router";
import { Pencil, Trash2 } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Problem } from "~/api/client";
import { type Memories, type Memory, personal } from "~/api/personal";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import { useLocale, useWords } from "~/i18n";
import { notify } from "~/notices";
import { Button } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { Confirm } from "../parts/Confirm";
import { Loaded } from "../parts/Loaded";
import { Section } from "../parts/Page";
import { Switch } from "../parts/Switch";
import { memoriesQuery } from "../queries";
import { useSettingsWords } from "../words";

const input =
  "h-11 min-w-0 flex-1 rounded-sm border border-control bg-raised px-3 outline-none transition-colors duration-100 focus:border-accent focus:ring-1 focus:ring-accent";

function refresh(): void {
  queries.invalidateQueries({ queryKey: memoriesQuery.queryKey });
  queries.invalidateQueries({ queryKey: ["remembered"] });
}

/** What is kept of a person across conversations: all of it, theirs to word otherwise and to delete. */
export function MemorySection() {
  const t = useSettingsWords().personal.memory;
  const query = useQuery({ ...memoriesQuery, staleTime: 0 });
  const wanted = useRouterState({ select: ({ location }) => location.hash === "memory" });
  const here = useRef<HTMLDivElement>(null);
  const known = query.data !== undefined;
  useEffect(() => {
    if (wanted && known) here.current?.scrollIntoView();
  }, [wanted, known]);
  return (
    <div ref={here} className="scroll-mt-4">
      <Section title={t.title} lead={t.lead} action={query.data && <OnOff on={query.data.enabled} />}>
        <Loaded query={query}>{(data) => <List kept={data} />}</Loaded>
      </Section>
    </div>
  );
}

function OnOff({ on }: { on: boolean }) {
  const all = useWords();
  const t = useSettingsWords().personal.memory;
  const turn = useMutation({
    mutationFn: personal.turnMemory,
    onSuccess(now) {
      queries.setQueryData(memoriesQuery.queryKey, now);
      notify(now.enabled ? t.turnedOn : t.turnedOff);
    },
  });
  return (
    <div className="flex min-h-6 items-center gap-3 text-sm">
      {turn.error && <span className="text-danger">{explain(turn.error, all)}</span>}
      <span aria-hidden className="text-muted">
        {on ? t.on : t.off}
      </span>
      <Switch label={t.title} on={on} busy={turn.isPending} turn={(enabled) => turn.mutate(enabled)} />
    </div>
  );
}

function useRefusal(longest: number): (error: Error) => string {
  const all = useWords();
  const t = useSettingsWords().personal.memory;
  const numbers = new Intl.NumberFormat(useLocale());
  return (error) => {
    if (error instanceof Problem && error.code === "known") return t.known;
    if (error instanceof Problem && error.code === "too_many_memories") return t.full;
    if (error instanceof Problem && error.status === 422) return t.tooLong(numbers.format(longest));
    return explain(error, all);
  };
}

function List({ kept }: { kept: Memories }) {
  const t = useSettingsWords().personal.memory;
  const refusal = useRefusal(kept.longest);
  const [text, setText] = useState("");
  const [asking, setAsking] = useState(false);
  const add = useMutation({
    mutationFn: personal.writeMemory,
    onSuccess() {
      setText("");
      refresh();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "" && !add.isPending) add.mutate(text);
  };
  return (
    <>
      {!kept.enabled && <p className="mb-4 rounded-md bg-tint px-4 py-3 text-pretty text-sm">{t.offLead}</p>}
      <form onSubmit={submit} noValidate className="flex gap-2">
        <input
          aria-label={t.add}
          placeholder={t.placeholder}
          value={text}
          maxLength={kept.longest}
          onChange={(event) => {
            setText(event.target.value);
            add.reset();
          }}
          className={input}
        />
        <Button type="submit" look="outline" className="h-11!" disabled={text.trim() === "" || add.isPending}>
          {t.submit}
        </Button>
      </form>
      {add.error && <Trouble text={refusal(add.error)} />}
      {kept.items.length === 0 ? (
        <p className="mt-4 text-pretty text-muted text-sm">{t.empty}</p>
      ) : (
        <>
          <ul aria-label={t.label} className="mt-4 divide-y divide-line border-line border-y">
            {kept.items.map((memory) => (
              <Item key={memory.id} memory={memory} longest={kept.longest} />
            ))}
          </ul>
          <div className="mt-4 flex justify-end">
            <Button look="outline" onClick={() => setAsking(true)}>
              {t.forgetAll}
            </Button>
          </div>
        </>
      )}
      {asking && (
        <Confirm
          title={t.forgetAll}
          lead={t.forgetAllLead}
          label={t.forgetAll}
          act={personal.forgetAll}
          done={() => {
            setAsking(false);
            refresh();
            notify(t.forgotten);
          }}
          close={() => setAsking(false)}
        />
      )}
    </>
  );
}

function Item({ memory, longest }: { memory: Memory; longest: number }) {
  const t = useSettingsWords().personal.memory;
  const refusal = useRefusal(longest);
  const date = new Intl.DateTimeFormat(useLocale(), { day: "numeric", month: "short", year: "numeric" });
  const [text, setText] = useState<string | null>(null);
  const change = useMutation({
    mutationFn: (now: string) => personal.changeMemory(memory.id, now),
    onSuccess() {
      setText(null);
      refresh();
    },
  });
  const forget = useMutation({ mutationFn: () => personal.forget(memory.id), onSuccess: refresh });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text?.trim() && !change.isPending) change.mutate(text);
  };
  const failed = change.error ?? forget.error;
  return (
    <li className="py-3">
      {text === null ? (
        <div className="flex items-start gap-1">
          <div className="min-w-0 flex-1">
            <p className="break-words leading-snug" dir="auto">
              {memory.text}
            </p>
            <p className="mt-0.5 text-muted text-sm">
              {t.origins[memory.origin]}
              {memory.conversation_id && (
                <>
                  {" "}
                  <Link
                    to="/c/$id"
                    params={{ id: memory.conversation_id }}
                    search={memory.message_id ? { message: memory.message_id } : {}}
                    className="underline underline-offset-2 hover:text-ink"
                  >
                    {t.from(memory.conversation_title ?? "")}
                  </Link>
                </>
              )}
              <span aria-hidden> · </span>
              <time dateTime={memory.created_at} className="tabular-nums">
                {date.format(new Date(memory.created_at))}
              </time>
            </p>
          </div>
          <IconButton label={t.edit(memory.text)} icon={Pencil} small onClick={() => setText(memory.text)} />
          <IconButton
            label={t.forget(memory.text)}
            icon={Trash2}
            small
            disabled={forget.isPending}
            onClick={() => forget.mutate()}
          />
        </div>
      ) : (
        <form onSubmit={submit} noValidate className="flex flex-wrap gap-2">
          <input
            aria-label={t.edit(memory.text)}
            // biome-ignore lint/a11y/noAutofocus: whoever asked to change it writes next
            autoFocus
            value={text}
            maxLength={longest}
            onChange={(event) => setText(event.target.value)}
            className={`${input} basis-64`}
          />
          <Button type="submit" className="h-11!" disabled={text.trim() === "" || change.isPending}>
            {t.save}
          </Button>
          <Button look="quiet" className="h-11!" onClick={() => setText(null)}>
            {t.cancel}
          </Button>
        </form>
      )}
      {failed && <Trouble text={refusal(failed)} />}
    </li>
  );
}
