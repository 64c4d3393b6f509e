import { Check, EyeOff, Pencil, ThumbsDown, ThumbsUp } from "lucide-react";
import { useId, useState } from "react";
import type { Example, Verdict } from "~/api/lab";
import { useFeedbackWords } from "~/feedback/words";
import { useAmounts } from "~/settings/money/amounts";
import { Mark } from "~/settings/parts/Rows";
import { useWhen } from "~/settings/parts/when";
import { Button } from "~/ui/Button";
import { pieces } from "./wheel";
import { useWheelWords } from "./words";

const MESSAGES = 3;
const LONG = 700;
const TITLE = 60;

interface Props {
  example: Example;
  /** Whether Tab leads to it. */
  reachable: boolean;
  reached: () => void;
  picked: boolean;
  pick: () => void;
  decide: (as: Exclude<Verdict, "pending">) => void;
  edit: () => void;
}

/** What somebody said of a reply: what was asked, what was replied, and what was thought of it. */
export function ExampleCard({ example, reachable, reached, picked, pick, decide, edit }: Props) {
  const t = useWheelWords().examples;
  const { moment } = useAmounts();
  const { ago } = useWhen();
  const { verdict, decided_by, decided_at } = example;
  const kind = example.kind === "pair" ? t.pair : example.chosen === null ? t.down : t.up;
  const asked = example.prompt.at(-1)?.content.replace(/\s+/g, " ").slice(0, TITLE) ?? "";
  return (
    <article
      tabIndex={reachable ? 0 : -1}
      data-example={example.id}
      aria-label={`${kind}: ${asked}`}
      onFocus={reached}
      className="@container scroll-my-24 rounded-sm py-5"
    >
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
        <label className="relative flex items-center touch:before:absolute touch:before:-inset-3">
          <input
            type="checkbox"
            aria-label={t.select(asked)}
            checked={picked}
            onChange={pick}
            className="size-4 accent-accent"
          />
        </label>
        <Mark>{kind}</Mark>
        <span className="text-muted">
          {verdict !== "pending" && decided_by && decided_at
            ? t.decided[verdict](decided_by, moment(decided_at))
            : ago(example.created_at)}
        </span>
      </header>
      <Prompt prompt={example.prompt} />
      <div className={`mt-4 grid gap-4 ${example.kind === "pair" ? "@2xl:grid-cols-2" : "max-w-[44rem]"}`}>
        {example.chosen !== null && <Reply look="good" text={example.chosen} />}
        {example.rejected !== null && <Reply look="bad" text={example.rejected} />}
      </div>
      <Thought example={example} />
      <footer className="mt-4 flex flex-wrap gap-2">
        {verdict !== "kept" && (
          <Button look="outline" onClick={() => decide("kept")}>
            <Check aria-hidden className="size-4" />
            {t.keep}
          </Button>
        )}
        {verdict !== "left_out" && (
          <Button look="outline" onClick={() => decide("left_out")}>
            <EyeOff aria-hidden className="size-4" />
            {t.leaveOut}
          </Button>
        )}
        <Button look="quiet" onClick={edit}>
          <Pencil aria-hidden className="size-4" />
          {t.edit}
        </Button>
      </footer>
    </article>
  );
}

/** The last messages of what was asked; those before them where somebody wants them. */
function Prompt({ prompt }: { prompt: Example["prompt"] }) {
  const t = useWheelWords().examples;
  const { count } = useAmounts();
  const [whole, setWhole] = useState(false);
  const hidden = whole ? 0 : Math.max(0, prompt.length - MESSAGES);
  return (
    <div className="mt-3 max-w-[44rem] space-y-2">
      {hidden > 0 && <Unfold open={() => setWhole(true)}>{t.earlier(hidden, count(hidden))}</Unfold>}
      {prompt.slice(hidden).map((message, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: messages keep their places
        <div key={hidden + place}>
          <p className="text-muted text-xs">{t.roles[message.role]}</p>
          <Words text={message.content} />
        </div>
      ))}
    </div>
  );
}

function Reply({ look, text }: { look: "good" | "bad"; text: string }) {
  const t = useWheelWords().examples;
  const id = useId();
  const [Icon, colour] = look === "good" ? [ThumbsUp, "text-positive"] : [ThumbsDown, "text-danger"];
  return (
    <section aria-labelledby={id} className="min-w-0 rounded-sm border border-line bg-raised px-4 py-3">
      <p id={id} className={`mb-1 flex items-center gap-1.5 font-medium text-xs ${colour}`}>
        <Icon aria-hidden className="size-3.5" />
        {t[look]}
      </p>
      <Words text={text} />
    </section>
  );
}

/** Why it was said, in whose words, and what was taken out. */
function Thought({ example }: { example: Example }) {
  const t = useWheelWords().examples;
  const { count } = useAmounts();
  const reasons = useFeedbackWords().reasons;
  const rating = example.chosen === null ? "down" : "up";
  const said = example.reasons.map((reason) => {
    const known = reasons[reason as keyof typeof reasons];
    return typeof known === "object" ? known[rating] : (known ?? reason);
  });
  const out = Object.entries(example.scrubbed);
  if (said.length === 0 && !example.comment && out.length === 0) return null;
  return (
    <dl className="mt-3 grid max-w-[44rem] grid-cols-[auto_1fr] gap-x-4 gap-y-1.5 text-sm">
      {said.length > 0 && (
        <>
          <dt className="text-muted">{t.why}</dt>
          <dd>{said.join(" · ")}</dd>
        </>
      )}
      {example.comment && (
        <>
          <dt className="text-muted">{t.comment}</dt>
          <dd className="min-w-0">
            <Words text={example.comment} />
          </dd>
        </>
      )}
      {out.length > 0 && (
        <>
          <dt className="text-muted">{t.out}</dt>
          <dd className="flex flex-wrap items-center gap-1.5">
            {out.map(([kind, times]) => (
              <Mark key={kind}>{t.kinds[kind]?.(times, count(times)) ?? `${count(times)} ${kind}`}</Mark>
            ))}
          </dd>
        </>
      )}
    </dl>
  );
}

/** A text as it is learned from, with what stands for something taken out set apart. */
function Words({ text }: { text: string }) {
  const t = useWheelWords().examples;
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > LONG;
  return (
    <>
      <p dir="auto" className="whitespace-pre-wrap break-words text-sm">
        {pieces(cut ? `${text.slice(0, LONG)}…` : text).map(({ text: piece, out }, place) =>
          out ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces keep their places
            <span key={place} className="rounded-[5px] bg-tint-strong px-1">
              {piece}
            </span>
          ) : (
            piece
          ),
        )}
      </p>
      {cut && <Unfold open={() => setWhole(true)}>{t.whole}</Unfold>}
    </>
  );
}

function Unfold({ open, children }: { open: () => void; children: string }) {
  return (
    <button
      type="button"
      onClick={open}
      className="relative text-muted text-sm underline underline-offset-4 hover:text-ink touch:before:absolute touch:before:-inset-2"
    >
      {children}
    </button>
  );
}
