import { type FormEvent, useId, useState } from "react";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import type { Project } from "~/api/types";
import { useWords } from "~/i18n";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { Trouble } from "~/ui/Trouble";
import { ProjectMark } from "./ProjectMark";
import { colours, saveProject } from "./projects";
import { useOrganiseWords } from "./words";

const field =
  "w-full rounded-sm border border-control bg-raised px-3 text-base outline-none focus-visible:outline-2 focus-visible:outline-accent";
const emojis = ["", "💼", "🏠", "📚", "✈️", "🍲", "🌱", "🎵", "💡", "🧪"];

/** A project's name, looks and instructions: a new one, or `project` changed. */
export function ProjectForm({
  project,
  done,
  close,
}: {
  project: Project | null;
  done: (saved: Project) => void;
  close: () => void;
}) {
  const t = useOrganiseWords();
  const all = useWords();
  const id = useId();
  const [name, setName] = useState(project?.name ?? "");
  const [emoji, setEmoji] = useState(project?.emoji ?? "");
  const [colour, setColour] = useState<Project["colour"]>(project?.colour ?? "terracotta");
  const [instructions, setInstructions] = useState(project?.instructions ?? "");
  const [remembers, setRemembers] = useState(project?.remembers ?? true);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);
  const title = project ? t.form.edit : t.form.create;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === "") return setWrong(t.form.missingName);
    setBusy(true);
    setWrong(null);
    try {
      done(
        await saveProject(project?.id ?? null, {
          name,
          emoji: emoji || null,
          colour,
          instructions,
          remembers,
        }),
      );
    } catch (error) {
      setWrong(error instanceof Problem && error.status === 400 ? error.message : explain(error, all));
      setBusy(false);
    }
  };
  return (
    <Dialog
      label={title}
      close={close}
      className="fixed inset-0 m-auto h-fit max-h-[calc(100dvh-1.5rem)] w-[min(34rem,calc(100vw-1.5rem))] overflow-y-auto rounded-lg bg-raised shadow-soft"
    >
      <form onSubmit={submit} className="space-y-5 p-6">
        <header>
          <h2 className="font-serif text-lg">{title}</h2>
          <p className="mt-1 text-balance text-muted text-sm">{t.form.lead}</p>
        </header>
        <div>
          <label htmlFor={`${id}-name`} className="mb-1.5 block font-medium text-sm">
            {t.form.name}
          </label>
          <div className="flex items-center gap-3">
            <ProjectMark project={{ emoji: emoji || null, colour }} large />
            <input
              id={`${id}-name`}
              data-begin
              value={name}
              maxLength={100}
              placeholder={t.form.namePlaceholder}
              onChange={(event) => setName(event.target.value)}
              className={`${field} h-11`}
            />
          </div>
        </div>
        <div className="grid gap-5 sm:grid-cols-2">
          <fieldset>
            <legend className="mb-1.5 font-medium text-sm">{t.form.emoji}</legend>
            <div className="flex flex-wrap gap-1">
              {[...new Set([...emojis, emoji])].map((each) => (
                <label
                  key={each}
                  className="flex size-9 items-center justify-center rounded-sm border border-transparent hover:bg-tint has-[:checked]:border-accent has-[:checked]:bg-accent-tint has-[:focus-visible]:outline-2 has-[:focus-visible]:outline-accent touch:size-11"
                >
                  <input
                    type="radio"
                    name={`${id}-emoji`}
                    className="sr-only"
                    checked={emoji === each}
                    onChange={() => setEmoji(each)}
                    aria-label={each || t.form.noEmoji}
                  />
                  <ProjectMark project={{ emoji: each || null, colour }} />
                </label>
              ))}
            </div>
          </fieldset>
          <fieldset>
            <legend className="mb-1.5 font-medium text-sm">{t.form.colour}</legend>
            <div className="flex flex-wrap gap-1">
              {colours.map((each) => (
                <label
                  key={each}
                  title={t.form.colours[each]}
                  className="flex size-9 items-center justify-center rounded-full border-2 border-transparent has-[:checked]:border-ink has-[:focus-visible]:outline-2 has-[:focus-visible]:outline-accent touch:size-11"
                >
                  <input
                    type="radio"
                    name={`${id}-colour`}
                    className="sr-only"
                    checked={colour === each}
                    onChange={() => setColour(each)}
                    aria-label={t.form.colours[each]}
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
          <label htmlFor={`${id}-instructions`} className="mb-1.5 block font-medium text-sm">
            {t.form.instructions}
          </label>
          <textarea
            id={`${id}-instructions`}
            aria-describedby={`${id}-hint`}
            value={instructions}
            maxLength={8_000}
            rows={5}
            onChange={(event) => setInstructions(event.target.value)}
            className={`${field} resize-y py-2 leading-relaxed`}
          />
          <p id={`${id}-hint`} className="mt-1 text-muted text-xs">
            {t.form.instructionsHint}
          </p>
        </div>
        <label className="flex min-h-11 items-start gap-3">
          <input
            type="checkbox"
            className="mt-1 size-4 flex-none accent-accent"
            checked={remembers}
            onChange={({ target }) => setRemembers(target.checked)}
          />
          <span className="text-sm">
            <span className="block font-medium">{t.form.remembers}</span>
            <span className="block text-muted">{t.form.remembersHint}</span>
          </span>
        </label>
        {wrong && <Trouble text={wrong} />}
        <div className="flex justify-end gap-2">
          <Button look="quiet" onClick={close}>
            {t.form.cancel}
          </Button>
          <Button type="submit" disabled={busy}>
            {project ? t.form.save : t.form.submit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
