import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { type Example, type ExampleTexts, lab } from "~/api/lab";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { useAmounts } from "~/settings/money/amounts";
import { TextArea } from "~/settings/parts/TextArea";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { showWrong } from "../NumberField";
import { useWheelWords } from "./words";

const LONGEST = 100_000;

/** An example's words, to be changed where it stands; saved, it is kept. */
export function EditExample({
  example,
  saved,
  close,
}: {
  example: Example;
  saved: (example: Example) => void;
  close: () => void;
}) {
  const all = useWords();
  const t = useWheelWords().examples;
  const { count } = useAmounts();
  const [prompt, setPrompt] = useState(example.prompt.map(({ content }) => content));
  const [chosen, setChosen] = useState(example.chosen);
  const [rejected, setRejected] = useState(example.rejected);
  const [tried, setTried] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const leave = useRef<HTMLButtonElement>(null);
  const saving = useMutation({
    mutationFn: (texts: ExampleTexts) => lab.rewrite(example.id, texts),
    onSuccess: saved,
  });
  useEffect(() => form.current?.querySelector("textarea")?.focus(), []);
  const texts = [...prompt, ...[chosen, rejected].filter((text) => text !== null)];
  const wrong = (text: string) =>
    text.trim() === "" ? t.blank : text.trim().length > LONGEST ? t.long : undefined;
  const untouched =
    chosen === example.chosen &&
    rejected === example.rejected &&
    prompt.every((text, place) => text === example.prompt[place]?.content);
  const save = (event?: FormEvent) => {
    event?.preventDefault();
    setTried(true);
    if (saving.isPending) return;
    if (texts.some((text) => wrong(text) !== undefined)) {
      // What is wrong is marked first.
      requestAnimationFrame(() => showWrong(form.current));
      return;
    }
    saving.mutate({ prompt, chosen, rejected });
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(event);
    if (event.key !== "Escape") return;
    // What was written is not thrown away in passing.
    event.preventDefault();
    if (untouched) close();
    else leave.current?.focus();
  };
  const field = (label: string, value: string, change: (text: string) => void, key: string) => (
    <TextArea
      key={key}
      label={label}
      value={value}
      longest={LONGEST}
      count={`${count(value.trim().length)} / ${count(LONGEST)}`}
      error={tried ? wrong(value) : undefined}
      onChange={(event) => change(event.target.value)}
    />
  );
  return (
    <form
      ref={form}
      aria-label={t.editing}
      noValidate
      onSubmit={save}
      onKeyDown={pressed}
      className="@container max-w-[44rem] space-y-4 py-5"
    >
      {example.prompt.map((message, place) =>
        field(
          t.message(count(place + 1), t.roles[message.role]),
          prompt[place] ?? "",
          (text) => setPrompt(prompt.map((each, other) => (other === place ? text : each))),
          `message ${place}`,
        ),
      )}
      {chosen !== null && field(t.good, chosen, setChosen, "chosen")}
      {rejected !== null && field(t.bad, rejected, setRejected, "rejected")}
      {saving.error && <Trouble text={explain(saving.error, all)} />}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" disabled={saving.isPending}>
          {t.save}
        </Button>
        <button ref={leave} type="button" onClick={close} className={buttonLook("quiet")}>
          {t.cancel}
        </button>
      </div>
    </form>
  );
}
