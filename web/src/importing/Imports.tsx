import { useMutation, useQuery } from "@tanstack/react-query";
import { Archive, CircleCheck, Trash2, Upload } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { everyList, queries } from "~/api/queries";
import { useWords } from "~/i18n";
import { Section } from "~/settings/parts/Page";
import { Button } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { type Import, importing, importsQuery, isWorking, jobQuery, type Report } from "./queries";
import { useImportWords } from "./words";

type Words = ReturnType<typeof useImportWords>;

const changed = () => queries.invalidateQueries({ queryKey: importsQuery.queryKey });

/** Bringing conversations along from elsewhere: an archive, what it has, and what is wanted of it. */
export function Imports() {
  const all = useWords();
  const t = useImportWords();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const { data: records = [] } = useQuery(importsQuery);
  const bring = useMutation({ mutationFn: importing.bring, onSuccess: changed });
  const refused =
    bring.error instanceof Problem &&
    { too_many_imports: t.tooMany, body_too_large: t.tooLarge }[bring.error.code];
  const working = records.some(isWorking);
  useEffect(() => {
    // What was imported belongs into the lists.
    if (!working) return;
    return () => {
      queries.invalidateQueries(everyList);
      queries.invalidateQueries({ queryKey: ["projects"] });
      queries.invalidateQueries({ queryKey: ["instructions"] });
      queries.invalidateQueries({ queryKey: ["memories"] });
      queries.invalidateQueries({ queryKey: ["files"] });
    };
  }, [working]);
  return (
    <Section title={t.title} lead={t.lead}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: files are dropped here; the button does the same */}
      <div
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          const file = event.dataTransfer.files[0];
          if (file && !bring.isPending) bring.mutate(file);
        }}
        className={`flex flex-wrap items-center justify-center gap-x-4 gap-y-3 rounded-md border border-dashed px-6 py-6 text-center ${over ? "border-accent bg-accent-tint" : "border-control"}`}
      >
        <p className="text-muted text-sm" role="status">
          {bring.isPending ? t.sending : over ? t.dropNow : t.drop}
        </p>
        <Button look="outline" disabled={bring.isPending} onClick={() => input.current?.click()}>
          <Upload aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {t.choose}
        </Button>
        <input
          ref={input}
          type="file"
          accept=".zip,.json,application/zip,application/json"
          aria-label={t.choose}
          tabIndex={-1}
          className="hidden"
          onChange={({ currentTarget }) => {
            const file = currentTarget.files?.[0];
            if (file) bring.mutate(file);
            currentTarget.value = "";
          }}
        />
      </div>
      {bring.error && <Trouble text={refused || explain(bring.error, all)} />}
      {records.length > 0 && (
        <ul aria-label={t.title} className="mt-5 space-y-4">
          {records.map((record) => (
            <li key={record.id} className="rounded-md border border-line bg-raised p-4">
              <One record={record} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function One({ record }: { record: Import }) {
  const t = useImportWords();
  const forget = useMutation({ mutationFn: () => importing.forget(record.id), onSuccess: changed });
  const Icon = record.status === "done" ? CircleCheck : Archive;
  return (
    <>
      <div className="flex items-start gap-3">
        <Icon
          aria-hidden
          className={`mt-0.5 size-5 flex-none ${record.status === "done" ? "text-positive" : "text-muted"}`}
          strokeWidth={1.75}
        />
        <div className="min-w-0 flex-1">
          <p className="break-words font-medium text-sm">{record.name}</p>
          {record.source && (
            <p className="text-muted text-sm">
              {t.from(t.sources[record.source], record.contents?.account ?? null)}
            </p>
          )}
        </div>
        <IconButton
          label={isWorking(record) ? t.cancel : t.forget}
          icon={Trash2}
          onClick={() => forget.mutate()}
          small
          className="-mt-1 -me-1"
        />
      </div>
      {isWorking(record) && <Progress record={record} />}
      {record.status === "ready" && <Choosing record={record} />}
      {record.status === "failed" && <Trouble text={t.failed} hint={record.error ?? undefined} />}
      {record.status === "done" && record.report && (
        <p className="mt-2 text-sm" role="status">
          {t.done}: {said(record.report, t)}.
        </p>
      )}
      {(record.status === "ready" || record.status === "done") && <Left record={record} />}
    </>
  );
}

/** What came of an import, in a few words. */
function said(report: Report, t: Words): string {
  return [
    t.report(report.added, report.extended, report.unchanged),
    ...(report.projects ? [t.projects(report.projects)] : []),
    ...(report.files ? [t.files(0, report.files)] : []),
    ...(report.memories ? [t.memories(report.memories)] : []),
    ...(report.ratings ? [t.ratings(report.ratings)] : []),
  ].join(", ");
}

function Progress({ record }: { record: Import }) {
  const t = useImportWords();
  const { data: job } = useQuery({ ...jobQuery(record.job_id ?? ""), enabled: record.job_id !== null });
  const done = job?.progress ?? 0;
  const total = record.status === "importing" ? (record.contents?.conversations ?? null) : null;
  const text = record.status === "reading" ? t.reading(done) : t.importing(done, total);
  return (
    <div className="mt-3">
      <progress
        aria-label={text}
        className="block h-1.5 w-full overflow-hidden rounded-full accent-accent"
        {...(total ? { value: done, max: total } : {})}
      />
      <p className="mt-1.5 text-muted text-sm tabular-nums">
        {text}. {t.background}
      </p>
    </div>
  );
}

function Choosing({ record }: { record: Import }) {
  const all = useWords();
  const t = useImportWords();
  const contents = record.contents;
  const [choice, setChoice] = useState({
    conversations: true,
    projects: true,
    files: true,
    memories: true,
    instructions: false,
  });
  const start = useMutation({ mutationFn: () => importing.start(record.id, choice), onSuccess: changed });
  if (!contents) return null;
  const offered = [
    {
      what: "conversations" as const,
      there: contents.conversations > 0,
      label: t.conversations(contents.conversations, contents.messages),
    },
    { what: "projects" as const, there: contents.projects > 0, label: t.projects(contents.projects) },
    {
      what: "files" as const,
      there: contents.pictures + contents.files > 0,
      label: t.files(contents.pictures, contents.files),
    },
    { what: "memories" as const, there: contents.memories > 0, label: t.memories(contents.memories) },
    { what: "instructions" as const, there: contents.instructions, label: t.instructions },
  ].filter(({ there }) => there);
  return (
    <div className="mt-3">
      {offered.map(({ what, label }) => (
        <label key={what} className="flex min-h-9 cursor-pointer items-center gap-3 text-sm touch:min-h-11">
          <input
            type="checkbox"
            checked={choice[what]}
            onChange={(event) => setChoice({ ...choice, [what]: event.target.checked })}
            className="size-5 flex-none accent-accent"
          />
          {label}
        </label>
      ))}
      <Button
        className="mt-3"
        disabled={start.isPending || !offered.some(({ what }) => choice[what])}
        onClick={() => start.mutate()}
      >
        {t.start}
      </Button>
      {start.error && <Trouble text={explain(start.error, all)} />}
    </div>
  );
}

/** What of an archive does not come along, and where it is. */
function Left({ record }: { record: Import }) {
  const t = useImportWords();
  const left = record.report ?? record.contents;
  if (!left || left.trouble_count === 0) return null;
  const further = left.trouble_count - left.troubles.length;
  return (
    <details className="mt-2 text-sm">
      <summary className="inline-flex min-h-9 items-center rounded-sm text-muted hover:text-ink touch:min-h-11">
        {t.troubles(left.trouble_count)}
      </summary>
      <ul className="mt-1 space-y-1.5 border-line border-s ps-3">
        {left.troubles.map(({ place, reason }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the list never changes, and two files may have one name
          <li key={index} className="break-words">
            <span className="font-medium">{place}</span>
            <span className="text-muted">: {reason}</span>
          </li>
        ))}
        {further > 0 && <li className="text-muted">{t.more(further)}</li>}
      </ul>
    </details>
  );
}
