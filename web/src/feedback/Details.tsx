import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useId, useState } from "react";
import type { Message } from "~/api/types";
import { Button } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { consentQuery, type Rating, type Reason, useConsent, useFeedback } from "./queries";
import { useFeedbackWords } from "./words";

const REASONS: Record<Rating, readonly Reason[]> = {
  up: ["accurate", "clear", "complete", "instructions", "tone"],
  down: ["inaccurate", "unclear", "incomplete", "instructions", "tone", "unsafe"],
};
/** As many characters as are taken. */
const LONGEST = 2_000;

interface Props {
  message: Message;
  rating: Rating;
  close: () => void;
}

/** Why a reply is good or bad; and once, whether models may learn from what is said. */
export default function Details({ message, rating, close }: Props) {
  const t = useFeedbackWords();
  const title = useId();
  const [reasons, setReasons] = useState<readonly Reason[]>([]);
  const [comment, setComment] = useState("");
  const { rate } = useFeedback(message.conversation_id);
  const consent = useQuery(consentQuery).data;
  const word = (reason: Reason) => {
    const known = t.reasons[reason];
    return typeof known === "string" ? known : known[rating];
  };
  return (
    <section aria-labelledby={title} className="mt-2 rounded-lg border border-line bg-raised p-4 text-sm">
      <div className="flex items-start gap-3">
        <h3 id={title} className="me-auto font-medium" role="status">
          {rate.isSuccess ? t.thanks : t.why[rating]}
        </h3>
        <IconButton label={t.close} icon={X} onClick={close} small className="-mt-1.5 -me-1.5" />
      </div>
      {!rate.isSuccess && (
        <form
          className="mt-2 space-y-3"
          onSubmit={(event) => {
            event.preventDefault();
            rate.mutate(
              { message: message.id, rating, reasons: [...reasons], comment },
              { onSuccess: () => consent?.asked && close() },
            );
          }}
        >
          <div className="flex flex-wrap gap-2">
            {REASONS[rating].map((reason) => {
              const chosen = reasons.includes(reason);
              return (
                <button
                  key={reason}
                  type="button"
                  aria-pressed={chosen}
                  onClick={() =>
                    setReasons(chosen ? reasons.filter((each) => each !== reason) : [...reasons, reason])
                  }
                  className="h-9 rounded-full border border-line px-3.5 transition-colors duration-100 hover:bg-tint aria-pressed:border-accent aria-pressed:bg-accent-tint touch:h-11"
                >
                  {word(reason)}
                </button>
              );
            })}
          </div>
          <textarea
            aria-label={t.comment}
            placeholder={t.comment}
            value={comment}
            maxLength={LONGEST}
            rows={2}
            onChange={(event) => setComment(event.target.value)}
            className="block w-full resize-y rounded-sm border border-line bg-paper px-3 py-2 placeholder:text-muted touch:text-base"
          />
          <Button
            type="submit"
            look="outline"
            disabled={rate.isPending || (reasons.length === 0 && comment.trim() === "")}
          >
            {t.send}
          </Button>
        </form>
      )}
      {consent && !consent.asked && <Question />}
    </section>
  );
}

/** Asked once, where it matters. */
function Question() {
  const t = useFeedbackWords().learning;
  const answer = useConsent();
  return (
    <div className="mt-4 border-line border-t pt-4">
      <p className="font-medium">{t.question}</p>
      <p className="mt-1 text-pretty text-muted">{t.words}</p>
      <div className="mt-3 flex flex-wrap gap-2">
        <Button look="outline" disabled={answer.isPending} onClick={() => answer.mutate(true)}>
          {t.yes}
        </Button>
        <Button look="quiet" disabled={answer.isPending} onClick={() => answer.mutate(false)}>
          {t.no}
        </Button>
      </div>
    </div>
  );
}
