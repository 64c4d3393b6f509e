import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { useLocale } from "~/i18n";
import { Section } from "~/settings/parts/Page";
import { consentQuery, useConsent } from "./queries";
import { useFeedbackWords } from "./words";

/** Whether models may learn from one's feedback: off until one turns it on. */
export function Learning() {
  const t = useFeedbackWords().learning;
  const locale = useLocale();
  const lead = useId();
  const consent = useQuery(consentQuery).data;
  const answer = useConsent();
  const on = answer.isPending ? answer.variables : (consent?.given ?? false);
  return (
    <Section title={t.title}>
      <label className="flex cursor-pointer items-start gap-3">
        <input
          type="checkbox"
          role="switch"
          aria-checked={on}
          checked={on}
          disabled={!consent || answer.isPending}
          onChange={(event) => answer.mutate(event.target.checked)}
          aria-describedby={lead}
          className="mt-0.5 size-5 flex-none accent-accent"
        />
        <span className="font-medium text-sm">{t.label}</span>
      </label>
      <p id={lead} className="mt-2 max-w-prose text-pretty text-muted text-sm">
        {t.words}{" "}
        {consent?.given &&
          consent.answered_at &&
          t.since(new Date(consent.answered_at).toLocaleDateString(locale, { dateStyle: "long" }))}
      </p>
    </Section>
  );
}
