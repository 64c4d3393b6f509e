import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ArrowLeft, RotateCcw } from "lucide-react";
import { type FormEvent, lazy, type ReactNode, Suspense, useEffect, useId, useState } from "react";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { modelsQuery, workspacesQuery } from "~/api/queries";
import { toolsQuery } from "~/chat/parts/calls";
import { usePartWords } from "~/chat/parts/words";
import { useWords } from "~/i18n";
import { KeptFiles } from "~/knowledge/KeptFiles";
import { notify } from "~/notices";
import { colours } from "~/organise/projects";
import { useOrganiseWords } from "~/organise/words";
import { Select } from "~/settings/parts/Select";
import { Button, buttonLook } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { useMedia } from "~/ui/useMedia";
import { AssistantMark } from "./AssistantMark";
import { squareOf } from "./picture";
import {
  type AssistantBody,
  assistantQuery,
  type CustomAssistant,
  saveAssistant,
  setPicture as sendPicture,
} from "./queries";
import { useAssistantWords } from "./words";

const Preview = lazy(() =>
  import("~/chat/Conversation").then(({ Conversation }) => ({ default: Conversation })),
);

const STARTERS = 4;
const field =
  "block w-full rounded-sm border border-control bg-raised px-3 py-2.5 text-base outline-none focus-visible:outline-2 focus-visible:outline-accent";
const emojis = ["🍲", "🌍", "✍️", "🧑‍🏫", "🔎", "🧮", "💼", "🌱", "🎨", "🩺"];

type Draft = Required<AssistantBody>;

function draftOf(kept: CustomAssistant | null): Draft {
  const starters = kept?.starters ?? [];
  return {
    name: kept?.name ?? "",
    description: kept?.description ?? "",
    emoji: kept?.emoji ?? null,
    colour: kept?.colour ?? "terracotta",
    instructions: kept?.instructions ?? "",
    starters: [...starters, ...Array(Math.max(0, STARTERS - starters.length)).fill("")],
    tools: kept?.tools ?? [],
    model: kept?.model ?? null,
    effort: kept?.effort ?? null,
    sharing: kept?.sharing ?? "private",
    workspace_id: kept?.workspace_id ?? null,
  };
}

/** One's own assistant: all that it is made of, and beside it a chat in which to try it. `id` "new" for none yet. */
export function Editor({ id }: { id: string }) {
  const t = useAssistantWords();
  const all = useWords();
  const query = useQuery({ ...assistantQuery(id), enabled: id !== "new" });
  useEffect(() => {
    document.title = `${t.title} · Causette`;
  }, [t]);
  if (id === "new") return <Both key="new" kept={null} />;
  if (query.data?.mine) return <Both key={id} kept={query.data} />;
  if (query.data || (query.error instanceof Problem && query.error.status === 404))
    return (
      <div role="alert" className="m-auto max-w-sm px-6 py-12 text-center">
        <h1 className="font-serif text-lg">{t.missing}</h1>
        <p className="mt-2 mb-6 text-balance text-muted text-sm">{t.missingHint}</p>
        <Link to="/assistants" className={buttonLook("primary")}>
          {t.all}
        </Link>
      </div>
    );
  if (query.error)
    return (
      <div className="m-auto w-full max-w-md px-4">
        <Trouble text={explain(query.error, all)} retry={() => query.refetch()} />
      </div>
    );
  return null;
}

function Both({ kept }: { kept: CustomAssistant | null }) {
  const t = useAssistantWords();
  const all = useWords();
  const navigate = useNavigate();
  const wide = useMedia("(width >= 75rem)");
  const [shown, setShown] = useState<"make" | "try">("make");
  const [draft, setDraft] = useState(() => draftOf(kept));
  const [busy, setBusy] = useState(false);
  // Undefined is the one it has, null none.
  const [picture, setPicture] = useState<string | null | undefined>();
  const [wrong, setWrong] = useState<{ field: string | null; text: string } | null>(null);
  const [chat, setChat] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  const body: AssistantBody = {
    ...draft,
    starters: draft.starters.map((each) => each.trim()).filter(Boolean),
    workspace_id: draft.sharing === "workspace" ? draft.workspace_id : null,
  };
  const before = draftOf(kept);
  const stale =
    picture !== undefined ||
    JSON.stringify(body) !== JSON.stringify({ ...before, starters: before.starters.filter(Boolean) });
  const again = () => {
    setChat(null);
    setRound((known) => known + 1);
  };
  const save = async (): Promise<boolean> => {
    if (draft.name.trim() === "") {
      setWrong({ field: "name", text: t.form.missingName });
      setShown("make");
      return false;
    }
    if (draft.sharing === "workspace" && !draft.workspace_id) {
      setWrong({ field: "workspace_id", text: t.form.chooseWorkspace });
      setShown("make");
      return false;
    }
    setBusy(true);
    setWrong(null);
    try {
      let saved = await saveAssistant(kept?.id ?? null, body);
      if (picture !== undefined) saved = await sendPicture(saved.id, picture);
      setPicture(undefined);
      notify(t.form.saved);
      setDraft(draftOf(saved));
      if (!kept) navigate({ to: "/assistants/$edit", params: { edit: saved.id }, replace: true });
      return true;
    } catch (error) {
      const refused = error instanceof Problem && error.status === 422;
      const [first] = error instanceof Problem ? error.fields.keys() : [];
      setWrong({ field: first ?? null, text: refused ? error.message : explain(error, all) });
      setShown("make");
      return false;
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) save();
  };
  const form = (
    <form
      onSubmit={submit}
      noValidate
      className="mx-auto w-full max-w-[40rem] space-y-6 px-4 pt-4 pb-8 md:px-8"
    >
      <Fields
        draft={draft}
        change={(some) => setDraft((known) => ({ ...known, ...some }))}
        wrong={wrong}
        kept={kept}
        picture={picture}
        setPicture={setPicture}
      />
      {wrong && <Trouble text={wrong.text} />}
      <div className="sticky bottom-0 -mx-4 flex justify-end gap-2 border-line border-t bg-paper px-4 py-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] md:-mx-8 md:px-8">
        <Link to="/assistants" className={buttonLook("quiet")}>
          {t.cancel}
        </Link>
        <Button type="submit" disabled={busy || (kept !== null && !stale)}>
          {kept ? t.form.save : t.form.create}
        </Button>
      </div>
    </form>
  );
  const trial = (
    <section aria-label={t.form.try} className="flex min-h-0 flex-1 flex-col">
      <div className="flex min-h-12 flex-none flex-wrap items-center gap-x-3 gap-y-1 border-line border-b border-dashed px-4 py-1.5 text-muted text-sm">
        <p className="me-auto text-pretty">{kept && stale ? t.form.previewStale : t.form.preview}</p>
        {kept && stale ? (
          <Button
            look="outline"
            className="h-9!"
            disabled={busy}
            onClick={async () => {
              if (await save()) again();
            }}
          >
            {t.form.previewSave}
          </Button>
        ) : (
          chat && <IconButton label={t.form.again} icon={RotateCcw} onClick={again} small />
        )}
      </div>
      {kept ? (
        <Suspense>
          <Preview key={round} id={chat} assistant={kept.id} begun={setChat} />
        </Suspense>
      ) : (
        <p className="m-auto max-w-xs text-balance px-6 text-center text-muted">{t.form.previewFirst}</p>
      )}
    </section>
  );
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <header className="flex min-h-14 flex-none flex-wrap items-center gap-x-3 border-line border-b px-3 md:px-6">
        <Link
          to="/assistants"
          aria-label={t.all}
          title={t.all}
          className="flex size-10 flex-none items-center justify-center rounded-sm text-muted hover:bg-tint hover:text-ink touch:size-11"
        >
          <ArrowLeft aria-hidden className="size-[1.125rem] rtl:-scale-x-100" strokeWidth={1.75} />
        </Link>
        <h1 className="me-auto min-w-0 truncate font-serif text-lg">{kept ? t.form.edit : t.form.new}</h1>
        {!wide && (
          <fieldset className="flex rounded-full border border-line bg-raised p-0.5">
            <legend className="sr-only">{t.form.tabs}</legend>
            {(["make", "try"] as const).map((each) => (
              <button
                key={each}
                type="button"
                aria-pressed={shown === each}
                onClick={() => setShown(each)}
                className="h-9 rounded-full px-3.5 text-muted text-sm aria-pressed:bg-tint-strong aria-pressed:text-ink touch:h-10"
              >
                {t.form[each]}
              </button>
            ))}
          </fieldset>
        )}
      </header>
      {wide ? (
        <div className="grid min-h-0 flex-1 grid-cols-2">
          <div className="min-h-0 overflow-y-auto">{form}</div>
          <div className="flex min-h-0 flex-col border-line border-s">{trial}</div>
        </div>
      ) : (
        <>
          <div hidden={shown !== "make"} className="min-h-0 flex-1 overflow-y-auto">
            {form}
          </div>
          {shown === "try" && trial}
        </>
      )}
    </div>
  );
}

function Fields({
  draft,
  change,
  wrong,
  kept,
  picture,
  setPicture,
}: {
  draft: Draft;
  change: (some: Partial<Draft>) => void;
  wrong: { field: string | null } | null;
  kept: CustomAssistant | null;
  picture: string | null | undefined;
  setPicture: (picture: string | null) => void;
}) {
  const t = useAssistantWords().form;
  const marks = useOrganiseWords().form;
  const parts = usePartWords();
  const id = useId();
  const { data: models } = useQuery(modelsQuery);
  const { data: tools } = useQuery(toolsQuery);
  const { data: workspaces } = useQuery(workspacesQuery);
  const model = models?.find(({ name }) => name === draft.model) ?? models?.find((each) => each.default);
  const bad = (name: string) => (wrong?.field === name ? { "aria-invalid": true } : {});
  return (
    <>
      <div>
        <Label id={`${id}-name`}>{t.name}</Label>
        <div className="flex items-center gap-3">
          <AssistantMark
            assistant={{ ...draft, ...(kept ? { id: kept.id, picture_id: kept.picture_id } : {}) }}
            {...(picture === undefined ? {} : { picture: picture && `data:image/webp;base64,${picture}` })}
            size="medium"
          />
          <input
            id={`${id}-name`}
            value={draft.name}
            maxLength={100}
            placeholder={t.namePlaceholder}
            onChange={(event) => change({ name: event.target.value })}
            className={field}
            {...bad("name")}
          />
        </div>
      </div>
      <div className="grid gap-5 sm:grid-cols-2">
        <fieldset>
          <legend className="mb-1.5 font-medium text-sm">{t.emoji}</legend>
          <div className="flex flex-wrap gap-1">
            {[...new Set(["", ...emojis, draft.emoji ?? ""])].map((each) => (
              <label
                key={each}
                className="flex size-9 items-center justify-center rounded-sm border border-transparent hover:bg-tint has-[:checked]:border-accent has-[:checked]:bg-accent-tint has-[:focus-visible]:outline-2 has-[:focus-visible]:outline-accent touch:size-11"
              >
                <input
                  type="radio"
                  name={`${id}-emoji`}
                  className="sr-only"
                  checked={(draft.emoji ?? "") === each}
                  onChange={() => change({ emoji: each || null })}
                  aria-label={each || t.noEmoji}
                />
                <AssistantMark assistant={{ ...draft, emoji: each || null }} />
              </label>
            ))}
          </div>
          <input
            aria-label={t.otherEmoji}
            placeholder={t.otherEmoji}
            value={emojis.includes(draft.emoji ?? "") ? "" : (draft.emoji ?? "")}
            maxLength={16}
            onChange={(event) => change({ emoji: event.target.value || null })}
            className={`${field} mt-2 h-10 py-0 text-sm`}
            {...bad("emoji")}
          />
          <div className="mt-2 flex flex-wrap gap-2">
            <label className={`${buttonLook("outline")} relative has-focus-visible:outline-2`}>
              {t.upload}
              <input
                type="file"
                accept="image/png,image/jpeg,image/webp"
                className="absolute inset-0 cursor-pointer opacity-0"
                onChange={async ({ target }) => {
                  const [file] = target.files ?? [];
                  if (!file) return;
                  try {
                    setPicture(await squareOf(file));
                  } catch {
                    notify(t.noPicture);
                  }
                  target.value = "";
                }}
              />
            </label>
            {(picture ?? (picture === undefined && kept?.picture_id)) && (
              <Button look="quiet" onClick={() => setPicture(null)}>
                {t.removePicture}
              </Button>
            )}
          </div>
        </fieldset>
        <fieldset>
          <legend className="mb-1.5 font-medium text-sm">{t.colour}</legend>
          <div className="flex flex-wrap gap-1">
            {colours.map((each) => (
              <label
                key={each}
                title={marks.colours[each]}
                className="flex size-9 items-center justify-center rounded-full border-2 border-transparent has-[:checked]:border-ink has-[:focus-visible]:outline-2 has-[:focus-visible]:outline-accent touch:size-11"
              >
                <input
                  type="radio"
                  name={`${id}-colour`}
                  className="sr-only"
                  checked={draft.colour === each}
                  onChange={() => change({ colour: each })}
                  aria-label={marks.colours[each]}
                />
                <span
                  aria-hidden
                  className="size-6 rounded-full"
                  style={{ background: `var(--mark-${each})` }}
                />
              </label>
            ))}
          </div>
        </fieldset>
      </div>
      <div>
        <Label id={`${id}-description`} hint={t.descriptionHint}>
          {t.description}
        </Label>
        <input
          id={`${id}-description`}
          aria-describedby={`${id}-description-hint`}
          value={draft.description}
          maxLength={300}
          onChange={(event) => change({ description: event.target.value })}
          className={field}
          {...bad("description")}
        />
      </div>
      <div>
        <Label id={`${id}-instructions`} hint={t.instructionsHint}>
          {t.instructions}
        </Label>
        <textarea
          id={`${id}-instructions`}
          aria-describedby={`${id}-instructions-hint`}
          value={draft.instructions}
          maxLength={8_000}
          onChange={(event) => change({ instructions: event.target.value })}
          className={`${field} field-sizing-content max-h-96 min-h-36 resize-none leading-relaxed`}
          {...bad("instructions")}
        />
      </div>
      <fieldset>
        <legend className="font-medium text-sm">{t.starters}</legend>
        <p className="mt-0.5 text-muted text-sm">{t.startersHint}</p>
        <div className="mt-2 space-y-2">
          {draft.starters.map((text, at) => (
            <input
              // biome-ignore lint/suspicious/noArrayIndexKey: a starter is known by its place
              key={at}
              aria-label={t.starter(at + 1)}
              value={text}
              maxLength={500}
              onChange={(event) => change({ starters: draft.starters.with(at, event.target.value) })}
              className={`${field} h-11 py-0`}
            />
          ))}
        </div>
      </fieldset>
      {kept ? (
        <div className="border-line border-t pt-5">
          <KeptFiles holder={{ assistant: kept.id }} />
        </div>
      ) : (
        <section aria-label={t.files} className="border-line border-t pt-5">
          <h2 className="font-medium">{t.files}</h2>
          <p className="mt-0.5 text-pretty text-muted text-sm">{t.filesFirst}</p>
        </section>
      )}
      <section aria-label={t.more} className="space-y-4 border-line border-t pt-5">
        <h2 className="font-medium">{t.more}</h2>
        <div className="grid gap-4 sm:grid-cols-2">
          <Select
            label={t.model}
            value={draft.model ?? ""}
            choose={(name) => change({ model: name || null })}
          >
            <option value="">{t.modelDefault}</option>
            {models?.map(({ name, title }) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </Select>
          {model?.thinks && (
            <Select
              label={t.effort}
              value={draft.effort ?? ""}
              choose={(effort) => change({ effort: (effort || null) as Draft["effort"] })}
            >
              <option value="">{t.effortDefault}</option>
              {(["off", "low", "medium", "high"] as const).map((each) => (
                <option key={each} value={each}>
                  {parts.controls.efforts[each]}
                </option>
              ))}
            </Select>
          )}
        </div>
        {tools && tools.items.length > 0 && (
          <fieldset>
            <legend className="mb-1 font-medium text-sm">{t.tools}</legend>
            {tools.items.map((tool) => (
              <label key={tool.name} className="flex min-h-11 items-start gap-3 py-1.5">
                <input
                  type="checkbox"
                  className="mt-1 size-4 flex-none accent-accent"
                  checked={draft.tools.includes(tool.name)}
                  onChange={({ target }) =>
                    change({
                      tools: target.checked
                        ? [...draft.tools, tool.name]
                        : draft.tools.filter((name) => name !== tool.name),
                    })
                  }
                />
                <span className="min-w-0 text-sm">
                  <span className="block">{parts.step.names[tool.name] ?? tool.title}</span>
                  <span className="block text-muted">{parts.step.hints[tool.name] ?? tool.description}</span>
                </span>
              </label>
            ))}
          </fieldset>
        )}
      </section>
      <fieldset className="border-line border-t pt-5">
        <legend className="float-start mb-2 font-medium">{t.sharing}</legend>
        <div className="clear-both">
          {(["private", "workspace", "everybody"] as const).map((each) => (
            <label key={each} className="flex min-h-11 items-start gap-3 py-1.5">
              <input
                type="radio"
                name={`${id}-sharing`}
                className="mt-1 size-4 flex-none accent-accent"
                checked={draft.sharing === each}
                disabled={each === "workspace" && !workspaces?.length}
                onChange={() => change({ sharing: each })}
              />
              <span className="min-w-0 text-sm">
                <span className="block">{t.sharings[each].title}</span>
                <span className="block text-muted">
                  {each === "workspace" && workspaces?.length === 0 ? t.noWorkspaces : t.sharings[each].hint}
                </span>
              </span>
            </label>
          ))}
          {draft.sharing === "workspace" && (
            <div className="ms-7 mt-1">
              <Select
                label={t.workspace}
                hideLabel
                value={draft.workspace_id ?? ""}
                choose={(workspace) => change({ workspace_id: workspace || null })}
              >
                <option value="">{t.chooseWorkspace}</option>
                {workspaces?.map((workspace) => (
                  <option key={workspace.id} value={workspace.id}>
                    {workspace.name}
                  </option>
                ))}
              </Select>
            </div>
          )}
          {draft.sharing !== "private" && (
            <p className="mt-2 text-pretty text-muted text-sm">{t.sharedNote}</p>
          )}
        </div>
      </fieldset>
    </>
  );
}

function Label({ id, hint, children }: { id: string; hint?: string; children: ReactNode }) {
  return (
    <>
      <label htmlFor={id} className={`block font-medium text-sm ${hint ? "" : "mb-1.5"}`}>
        {children}
      </label>
      {hint && (
        <p id={`${id}-hint`} className="mt-0.5 mb-2 text-pretty text-muted text-sm">
          {hint}
        </p>
      )}
    </>
  );
}
