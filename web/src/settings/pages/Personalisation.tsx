import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Problem } from "~/api/client";
import { type Instructions, personal } from "~/api/personal";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import { useLocale, useWords } from "~/i18n";
import { notify } from "~/notices";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Loaded } from "../parts/Loaded";
import { Page, Section } from "../parts/Page";
import { Switch } from "../parts/Switch";
import { TextArea } from "../parts/TextArea";
import { MemorySection } from "../personal/Memory";
import { instructionsQuery } from "../queries";
import { useSettingsWords } from "../words";

/** What makes replies one's own. */
export default function Personalisation() {
  const t = useSettingsWords().personal;
  const query = useQuery(instructionsQuery);
  return (
    <Page title={t.title} lead={t.lead}>
      <Section
        title={t.instructions}
        lead={t.instructionsLead}
        action={query.data && <OnOff on={query.data.enabled} />}
      >
        <Loaded query={query}>{(data) => <Texts kept={data} />}</Loaded>
      </Section>
      <MemorySection />
    </Page>
  );
}

function useChange(changed: (now: Instructions) => void) {
  return useMutation({
    mutationFn: personal.changeInstructions,
    onSuccess(now) {
      queries.setQueryData(instructionsQuery.queryKey, now);
      changed(now);
    },
  });
}

function OnOff({ on }: { on: boolean }) {
  const all = useWords();
  const t = useSettingsWords().personal;
  const change = useChange((now) => notify(now.enabled ? t.turnedOn : t.turnedOff));
  return (
    <div className="flex min-h-6 items-center gap-3 text-sm">
      {change.error && <span className="text-danger">{explain(change.error, all)}</span>}
      <span aria-hidden className="text-muted">
        {on ? t.on : t.off}
      </span>
      <Switch
        label={t.instructions}
        on={on}
        busy={change.isPending}
        turn={(enabled) => change.mutate({ enabled })}
      />
    </div>
  );
}

function Texts({ kept }: { kept: Instructions }) {
  const all = useWords();
  const words = useSettingsWords();
  const t = words.personal;
  const numbers = new Intl.NumberFormat(useLocale());
  const [about, setAbout] = useState(kept.about);
  const [answers, setAnswers] = useState(kept.answers);
  const save = useChange((now) => {
    setAbout(now.about);
    setAnswers(now.answers);
    notify(words.saved);
  });
  const changed = about.trim() !== kept.about || answers.trim() !== kept.answers;
  const tooLong = [about, answers].some((text) => text.trim().length > kept.longest);
  const fields = save.error instanceof Problem ? save.error.fields : new Map<string, string>();
  const room = (text: string) => t.count(numbers.format(text.trim().length), numbers.format(kept.longest));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (changed && !tooLong && !save.isPending) save.mutate({ about, answers });
  };
  return (
    <form onSubmit={submit} noValidate className="space-y-6">
      {!kept.enabled && <p className="rounded-md bg-tint px-4 py-3 text-pretty text-sm">{t.offLead}</p>}
      <TextArea
        label={t.about}
        hint={t.aboutHint}
        value={about}
        longest={kept.longest}
        count={room(about)}
        error={fields.get("about")}
        onChange={(event) => {
          setAbout(event.target.value);
          save.reset();
        }}
      />
      <TextArea
        label={t.answers}
        hint={t.answersHint}
        value={answers}
        longest={kept.longest}
        count={room(answers)}
        error={fields.get("answers")}
        onChange={(event) => {
          setAnswers(event.target.value);
          save.reset();
        }}
      />
      {save.error && fields.size === 0 && <Trouble text={explain(save.error, all)} />}
      <div className="flex flex-wrap items-center justify-end gap-x-4 gap-y-2">
        {tooLong && <p className="me-auto text-danger text-sm">{t.tooLong}</p>}
        <Button type="submit" disabled={!changed || tooLong || save.isPending}>
          {save.isPending ? words.saving : words.save}
        </Button>
      </div>
    </form>
  );
}
