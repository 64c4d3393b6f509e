import { Check, Columns2, Copy } from "lucide-react";
import { Fragment, lazy, Suspense, useEffect, useState } from "react";
import type { Place } from "~/api/events";
import { explainCode, isOfPlan } from "~/api/problems";
import type { Message } from "~/api/types";
import { Home } from "~/artifacts/open";
import { AnsweredBy } from "~/assistants/Answering";
import { Remembered } from "~/assistants/Remembered";
import type { Rating } from "~/feedback/queries";
import { Thumbs } from "~/feedback/Thumbs";
import { Attachments } from "~/files/Attachments";
import { useWords } from "~/i18n";
import { WithSources } from "~/knowledge/Sources";
import { Markdown } from "~/markdown/Markdown";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { useCopy } from "~/ui/useCopy";
import { Branches } from "./Branches";
import { useConversation } from "./context";
import { useLive } from "./live";
import { MessageMenu } from "./MessageMenu";
import { MessageRoot, useHeld, usePlaced, useStays } from "./message";
import { Parts } from "./parts/Parts";
import { type Part, segments } from "./parts/parts";
import { Regenerate } from "./Regenerate";
import { ToPlan } from "./ToPlan";
import { useTreeWords } from "./words";

const Details = lazy(() => import("~/feedback/Details"));
const Correction = lazy(() => import("./Correction"));
const Compare = lazy(() => import("./Compare").then(({ Compare }) => ({ default: Compare })));

export function AssistantMessage() {
  const t = useWords();
  const { message, isLast } = usePlaced();
  const writing = message.status === "streaming";
  const live = useLive(message.id);
  const text = writing && live ? live.text : message.content;
  const kept = (message.parts ?? []) as unknown as readonly Part[];
  const parts = writing && live && live.parts.length >= kept.length ? live.parts : kept;
  const [correcting, setCorrecting] = useState(false);
  useHeld(correcting);
  return (
    <MessageRoot className="group mt-1">
      <h2 className="sr-only">{t.message.assistant}</h2>
      {message.assistant_id && (
        <Suspense>
          <AnsweredBy id={message.assistant_id} />
        </Suspense>
      )}
      {correcting ? (
        <Suspense>
          <Correction message={message} done={() => setCorrecting(false)} />
        </Suspense>
      ) : writing && text === "" && parts.every(({ type }) => type === "sources") ? (
        <Thinking since={message.created_at} place={live?.place ?? null} />
      ) : (
        <Home value={message}>
          <WithSources parts={parts} text={text} done={!writing} conversation={message.conversation_id}>
            <div className={`reply prose ${writing ? "writing" : ""}`} data-reply>
              {segments(text, parts).map(({ parts: before, text: piece, key }, index, all) => (
                <Fragment key={key}>
                  <Parts parts={before} generation={message.generation_id} live={writing} />
                  {piece !== "" && <Markdown text={piece} writing={writing && index === all.length - 1} />}
                </Fragment>
              ))}
            </div>
          </WithSources>
          <Attachments files={message.attachments ?? []} reply />
        </Home>
      )}
      {writing && live && !live.connected && (
        <p role="status" className="late mt-3 text-muted text-sm">
          {t.message.reconnecting}
        </p>
      )}
      {writing ? (
        <div className="h-10" />
      ) : (
        <Outcome message={message} isLast={isLast} correct={() => setCorrecting(true)} />
      )}
    </MessageRoot>
  );
}

/** How the reply ended, and what can be done with it. */
function Outcome({ message, isLast, correct }: { message: Message; isLast: boolean; correct: () => void }) {
  const t = useWords();
  const tree = useTreeWords();
  const { regenerate, pending } = useConversation();
  const [comparing, setComparing] = useState(false);
  const [rated, setRated] = useState<Rating | null>(null);
  useHeld(rated !== null || comparing);
  const { copied, copy } = useCopy();
  const stays = useStays();
  return (
    <>
      {message.status === "failed" && (
        <Trouble
          text={(message.error && explainCode(message.error.code, t)) || t.message.failed}
          action={message.error && isOfPlan(message.error.code) && <ToPlan />}
          hint={message.content === "" ? undefined : t.message.kept}
          retry={pending ? undefined : () => regenerate(message)}
          retryLabel={t.message.retry}
        />
      )}
      {message.status === "stopped" && <p className="mt-3 text-muted text-sm">{t.message.stopped}</p>}
      {message.status === "complete" && message.content.trim() === "" && !message.attachments?.length && (
        <p className="text-muted">{t.message.empty}</p>
      )}
      {message.finish_reason === "length" && <p className="mt-3 text-muted text-sm">{t.message.cutShort}</p>}
      <Remembered message={message} />
      {message.corrects_id !== null && <p className="mt-3 text-muted text-sm">{tree.corrected}</p>}
      {/* biome-ignore lint/a11y/useSemanticElements: these are buttons, not fields of a form */}
      <div
        role="group"
        aria-label={t.message.actions}
        className={`-ms-2 flex h-10 items-center gap-0.5 pt-2 text-muted ${isLast ? "" : "opacity-0 transition-opacity duration-100 focus-within:opacity-100 group-hover:opacity-100 has-[[role=group]]:opacity-100 touch:opacity-100"}`}
      >
        <Branches />
        {stays && (
          <>
            {message.content !== "" && (
              <IconButton
                label={copied ? t.message.copied : t.message.copy}
                icon={copied ? Check : Copy}
                onClick={() => copy(message.content)}
                small
              />
            )}
            <Regenerate message={message} />
            {message.versions.length > 1 && (
              <IconButton label={tree.compare} icon={Columns2} onClick={() => setComparing(true)} small />
            )}
            <Thumbs message={message} rated={setRated} />
            <MessageMenu message={message} isLast={isLast} correct={correct} />
          </>
        )}
      </div>
      {rated && (
        <Suspense>
          <Details key={rated} message={message} rating={rated} close={() => setRated(null)} />
        </Suspense>
      )}
      {comparing && (
        <Suspense>
          <Compare message={message} close={() => setComparing(false)} />
        </Suspense>
      )}
    </>
  );
}

/** A wait this long deserves a word, in milliseconds. */
const LONG = 4_000;

/** The reply has not begun yet. */
export function Thinking({ since, place = null }: { since: string | null; place?: Place | null }) {
  const t = useWords();
  const { model } = useConversation();
  const [long, setLong] = useState(false);
  useEffect(() => {
    const waited = since === null ? 0 : Date.now() - Date.parse(since);
    const timer = setTimeout(() => setLong(true), Math.max(0, LONG - waited));
    return () => clearTimeout(timer);
  }, [since]);
  return (
    <p className="flex h-[1.65rem] items-center gap-3 text-muted text-sm">
      <span aria-hidden className="flex gap-1">
        {[0, 1, 2].map((dot) => (
          <span
            key={dot}
            className="size-[0.4rem] animate-[breathe_1.2s_ease-in-out_infinite] rounded-full bg-accent"
            style={{ animationDelay: `${dot * 160}ms` }}
          />
        ))}
      </span>
      {place ? (
        <span data-queued>{t.message.inLine(place.position, Math.ceil(place.seconds))}</span>
      ) : (
        <span className={long ? "" : "sr-only"}>
          {long && model?.state === "ready" ? t.message.waiting : t.message.thinking}
        </span>
      )}
    </p>
  );
}
