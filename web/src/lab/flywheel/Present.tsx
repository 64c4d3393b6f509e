import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Check, X } from "lucide-react";
import { useState } from "react";
import { type Flywheel, lab, type Turn } from "~/api/lab";
import { modelsQuery } from "~/api/queries";
import { notify } from "~/notices";
import { useAmounts } from "~/settings/money/amounts";
import { Confirm } from "~/settings/parts/Confirm";
import { Section } from "~/settings/parts/Page";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { labChanged, runQuery } from "../queries";
import { Progress } from "../Status";
import { useBegunBy } from "./useBegunBy";
import { useReason } from "./useReason";
import { countsOf, placeOf, reached, type Step, steps } from "./wheel";
import { useWheelWords, wheelWords } from "./words";

type Act = "proceed" | "stop" | "retry";

/** The turn that is under way, or failed last: where it is, who has to act, and what can be done. */
export function Present({
  turn,
  examples,
  changed,
}: {
  turn: Turn;
  examples: Flywheel["examples"];
  /** After something was done to it. */
  changed: () => void;
}) {
  const t = useWheelWords().turn;
  const { data: models } = useQuery(modelsQuery);
  const model = models?.find((each) => (turn.model === "default" ? each.default : each.name === turn.model));
  const amounts = useAmounts();
  const by = useBegunBy();
  const [open, setOpen] = useState<Act | null>(null);
  const at = reached(turn);
  const failed = turn.state === "failed";
  const stops = (
    <Button look="outline" onClick={() => setOpen("stop")}>
      {t.stop}
    </Button>
  );
  return (
    <Section
      title={failed ? t.failedTitle : t.title}
      lead={`${t.learns(model?.title ?? turn.model)} · ${t.begun(by(turn.begun_by), amounts.moment(turn.created_at))}`}
      action={failed ? null : stops}
    >
      <Line turn={turn} at={at} />
      <div className="mt-6 max-w-[44rem]">
        {failed ? (
          <Failed turn={turn} at={at} retry={() => setOpen("retry")} />
        ) : (
          <Next turn={turn} at={at} examples={examples} proceed={() => setOpen("proceed")} />
        )}
      </div>
      {open && (
        <Ask
          act={open}
          turn={turn}
          at={at}
          examples={examples}
          changed={changed}
          close={() => setOpen(null)}
        />
      )}
    </Section>
  );
}

/** The steps, with what is behind, where it is, and what is ahead. */
function Line({ turn, at }: { turn: Turn; at: Step }) {
  const t = useWheelWords().turn;
  const place = steps.indexOf(at);
  return (
    <div className="@container">
      <ol aria-label={t.line} className="@3xl:grid @3xl:grid-cols-8">
        {steps.map((step, index) => {
          const behind = index < place;
          const here = index === place;
          const fails = here && turn.state === "failed";
          const to = behind || here ? placeOf(turn, step) : null;
          const colour = fails
            ? "border-danger bg-danger text-paper"
            : here
              ? "border-accent bg-accent-tint text-accent"
              : behind
                ? "border-positive bg-positive text-paper"
                : "border-control text-muted";
          return (
            <li
              key={step}
              aria-current={here ? "step" : undefined}
              className="relative flex items-center gap-3 pb-3 last:pb-0 @3xl:flex-col @3xl:gap-1.5 @3xl:pb-0"
            >
              {index > 0 && (
                <span
                  aria-hidden
                  className={`absolute start-3 -top-3 h-3 w-px @3xl:start-[calc(-50%+0.75rem)] @3xl:top-3 @3xl:h-px @3xl:w-[calc(100%-1.5rem)] ${behind || here ? "bg-positive" : "bg-line"}`}
                />
              )}
              <span
                aria-hidden
                className={`flex size-6 flex-none items-center justify-center rounded-full border text-xs tabular-nums ${colour}`}
              >
                {fails ? (
                  <X className="size-3.5" />
                ) : behind ? (
                  <Check className="size-3.5" />
                ) : here ? (
                  <span className="size-2 animate-[breathe_1.6s_ease-in-out_infinite] rounded-full bg-accent" />
                ) : (
                  index + 1
                )}
              </span>
              <span className={`text-sm ${here ? "font-medium" : "text-muted"}`}>
                {to ? (
                  <Link
                    to="/lab/$page/$item"
                    params={to}
                    className="relative underline underline-offset-4 hover:text-ink touch:before:absolute touch:before:-inset-2"
                  >
                    {t.steps[step]}
                  </Link>
                ) : (
                  t.steps[step]
                )}
                {(behind || here) && (
                  <span className="sr-only"> – {fails ? t.failed : here ? t.now : t.done}</span>
                )}
              </span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

/** Who has to do what next, with the way there. */
function Next({
  turn,
  at,
  examples,
  proceed,
}: {
  turn: Turn;
  at: Step;
  examples: Flywheel["examples"];
  proceed: () => void;
}) {
  const words = useWheelWords();
  const t = words.turn;
  const { count } = useAmounts();
  const to = placeOf(turn, at);
  if (at === "curating") {
    const [pending, kept] = [countsOf(examples, "pending").all, countsOf(examples, "kept").all];
    const waits = !turn.unseen && pending > 0;
    return (
      <>
        <p className="text-pretty">
          {turn.unseen
            ? t.unseen
            : pending > 0
              ? t.curating(pending, count(pending), count(kept), count(turn.least))
              : kept < turn.least
                ? t.tooFew(count(kept), count(turn.least))
                : t.enough}
        </p>
        {waits && (
          <>
            <p className="mt-1 text-pretty text-muted text-sm">{t.curatingNext}</p>
            <div className="mt-4 flex flex-wrap gap-2">
              <Button onClick={() => document.querySelector<HTMLElement>("[data-example]")?.focus()}>
                {t.look}
              </Button>
              <Button look="outline" onClick={proceed}>
                {t.proceed}
              </Button>
            </div>
          </>
        )}
      </>
    );
  }
  const thumbs = words.examples.thumbs(turn.thumbs, count(turn.thumbs));
  const pairs = words.examples.pairs(turn.pairs, count(turn.pairs));
  const said = at === "promoted" ? "" : at === "preparing" ? t.preparing(`${thumbs}, ${pairs}`) : t[at];
  return (
    <>
      <p className="text-pretty">{said}</p>
      {to?.page === "runs" && <Running key={to.item} run={to.item} />}
      {to && (
        <Link
          to="/lab/$page/$item"
          params={to}
          className={`mt-4 ${buttonLook(to.page === "runs" ? "outline" : "primary")}`}
        >
          {to.page === "runs" ? t.run : to.page === "models" ? t.report : t.release}
        </Link>
      )}
    </>
  );
}

/** How far the run of a step is, once it has begun. */
function Running({ run }: { run: string }) {
  const { data } = useQuery(runQuery(run));
  if (!data?.progress) return null;
  return (
    <div className="mt-4">
      <Progress run={data} />
    </div>
  );
}

function Failed({ turn, at, retry }: { turn: Turn; at: Step; retry: () => void }) {
  const t = useWheelWords().turn;
  const reason = useReason();
  const to = placeOf(turn, at);
  return (
    <>
      <Trouble text={t.failedIn(t.steps[at])} hint={reason(turn.reason)} />
      <p className="text-pretty text-muted text-sm">{turn.failed_in ? t.again : t.anew}</p>
      <div className="mt-4 flex flex-wrap gap-2">
        {turn.failed_in && <Button onClick={retry}>{t.retry}</Button>}
        {to && (
          <Link to="/lab/$page/$item" params={to} className={buttonLook("outline")}>
            {to.page === "models" ? t.report : to.page === "releases" ? t.release : t.run}
          </Link>
        )}
      </div>
    </>
  );
}

/** Says what an act will do, before it does. */
function Ask({
  act,
  turn,
  at,
  examples,
  changed,
  close,
}: {
  act: Act;
  turn: Turn;
  at: Step;
  examples: Flywheel["examples"];
  changed: () => void;
  close: () => void;
}) {
  const t = useWheelWords().turn;
  const { count } = useAmounts();
  const pending = count(countsOf(examples, "pending").all);
  const kept = count(countsOf(examples, "kept").all);
  const asked = {
    proceed: { title: t.proceedTitle, lead: t.proceedLead(kept, pending), label: t.proceed },
    stop: { title: t.stopTitle, lead: at === "canary" ? t.stopCanary : t.stopLead, label: t.stop },
    retry: { title: t.retryTitle(t.steps[at]), lead: t.retryLead, label: t.retry },
  }[act];
  const done = () => {
    close();
    changed();
    const { proceeded, stopped, retried } = wheelWords().turn;
    notify({ proceed: proceeded, stop: stopped, retry: retried }[act]);
  };
  return (
    <Confirm
      {...asked}
      act={() => lab.actOnTurn(turn.id, act)}
      done={done}
      close={() => {
        close();
        labChanged();
      }}
      refusals={{ ...t.refusals, too_few_examples: t.few(kept, count(turn.least)) }}
    />
  );
}
