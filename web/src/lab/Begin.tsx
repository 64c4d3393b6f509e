import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "~/account/Field";
import { type Artifact, lab, type Release } from "~/api/lab";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { More } from "~/settings/parts/More";
import { Panel } from "~/settings/parts/Panel";
import { Switch } from "~/settings/parts/Switch";
import { Trouble } from "~/ui/Trouble";
import { Share } from "./Share";
import { useLabWords } from "./words";

const FIRST_SHARE = 5;
const usual = { slower: "1.25", requests: "50", minutes: "60" };

/** Serves a model to some: to how many, and when it may go to all. */
export function Begin({
  artifact,
  begun,
  close,
}: {
  artifact: Artifact;
  begun: (release: Release) => void;
  close: () => void;
}) {
  const all = useWords();
  const t = useLabWords().models;
  const [share, setShare] = useState(FIRST_SHARE);
  const [bounds, setBounds] = useState(usual);
  const [promotes, setPromotes] = useState(false);
  const numbers = Object.fromEntries(
    Object.entries(bounds).map(([name, text]) => [name, Number(text.replace(",", "."))]),
  ) as Record<keyof typeof usual, number>;
  const wrong = (name: keyof typeof usual) =>
    bounds[name].trim() === "" ||
    !Number.isFinite(numbers[name]) ||
    numbers[name] < (name === "minutes" ? 0 : 1) ||
    (name === "requests" && !Number.isInteger(numbers[name]));
  const beginning = useMutation({
    mutationFn: () => lab.release(artifact.id, share, { ...numbers, promotes }),
    onSuccess: begun,
  });
  const run = () => {
    if (!wrong("slower") && !wrong("requests") && !wrong("minutes")) beginning.mutate();
  };
  const field = (name: keyof typeof usual, label: string, hint?: string) => (
    <Field
      label={label}
      hint={hint}
      type="text"
      inputMode="decimal"
      autoComplete="off"
      value={bounds[name]}
      onChange={(event) => setBounds({ ...bounds, [name]: event.target.value })}
      error={wrong(name) ? t.wrongNumber : undefined}
    />
  );
  return (
    <Panel
      title={t.releaseTitle(artifact.name)}
      lead={t.releaseLead(artifact.base)}
      close={close}
      wide
      submit={{ label: t.release, busy: beginning.isPending, run }}
    >
      <Share label={t.share} value={share} change={setShare} />
      <More title={t.bounds}>
        <div className="mt-2 grid gap-4 sm:grid-cols-3">
          {field("slower", t.slower)}
          {field("requests", t.requests)}
          {field("minutes", t.minutes)}
        </div>
        <p className="mt-2 text-muted text-sm">{t.slowerHint}</p>
        <div className="mt-4 flex items-center gap-3 text-sm">
          <Switch label={t.promotes} on={promotes} turn={setPromotes} />
          <span aria-hidden>{t.promotes}</span>
        </div>
      </More>
      {beginning.error && <Trouble text={explain(beginning.error, all)} />}
    </Panel>
  );
}
