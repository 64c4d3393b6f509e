import { useMutation } from "@tanstack/react-query";
import { ShieldQuestion } from "lucide-react";
import { Button } from "~/ui/Button";
import { answerStep } from "./calls";
import type { ToolStep } from "./parts";
import { usePartWords } from "./words";

/** A tool that changes something waits here for the reader's yes or no. */
export function Approval({ part, generation, title }: { part: ToolStep; generation: string; title: string }) {
  const t = usePartWords();
  const answer = useMutation({
    mutationFn: (approved: boolean) => answerStep(generation, part.id, approved),
  });
  const asked = answer.isPending || answer.isSuccess;
  return (
    <section
      aria-label={t.approval.question(title)}
      className="my-3 rounded-lg border border-line bg-raised p-4 text-sm shadow-soft"
      data-approval
    >
      <p className="flex items-center gap-2 font-medium">
        <ShieldQuestion aria-hidden className="size-4 flex-none text-accent" strokeWidth={1.75} />
        {t.approval.question(title)}
      </p>
      <p className="mt-1 text-muted">{t.approval.warning}</p>
      {Object.keys(part.arguments).length > 0 && (
        <section
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must be able to reach it
          tabIndex={0}
          aria-label={t.step.given}
          className="mt-3 max-h-48 overflow-auto rounded-md bg-tint p-3 text-xs"
        >
          <pre className="whitespace-pre-wrap break-words font-mono">
            {JSON.stringify(part.arguments, null, 2)}
          </pre>
        </section>
      )}
      <div className="mt-3 flex flex-wrap gap-2">
        <Button disabled={asked} onClick={() => answer.mutate(true)}>
          {t.approval.allow}
        </Button>
        <Button look="outline" disabled={asked} onClick={() => answer.mutate(false)}>
          {t.approval.refuse}
        </Button>
      </div>
      {answer.isError && (
        <p role="alert" className="mt-2 text-danger">
          {t.approval.failed}
        </p>
      )}
    </section>
  );
}
