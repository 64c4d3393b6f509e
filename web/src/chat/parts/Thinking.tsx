import { Lightbulb, Scale } from "lucide-react";
import { useEffect, useState } from "react";
import { Markdown } from "~/markdown/Markdown";
import { Fold } from "./Fold";
import type { Thinking as Thought, Vote as Votes } from "./parts";
import { usePartWords } from "./words";

/** What the model thought before it answered, folded under how long it took. */
export function Thinking({ part, live }: { part: Thought; live: boolean }) {
  const t = usePartWords();
  const going = live && part.seconds == null;
  const elapsed = useSeconds(part.began_at, going);
  const title = going ? t.thinking.now(elapsed) : t.thinking.done(Math.round(part.seconds ?? 0));
  return (
    <Fold icon={Lightbulb} busy={going} title={title}>
      <div className="prose py-1 text-[0.9375rem]">
        <Markdown text={part.text ?? ""} writing={going} />
      </div>
    </Fold>
  );
}

/** How far several answers agreed. */
export function Vote({ part, live }: { part: Votes; live: boolean }) {
  const t = usePartWords();
  const going = live && !part.agree;
  return (
    <p className="my-2 flex min-h-9 items-center gap-2 text-muted text-sm" data-part>
      <Scale
        aria-hidden
        className={`size-4 flex-none ${going ? "animate-[breathe_1.2s_ease-in-out_infinite] text-accent" : ""}`}
        strokeWidth={1.75}
      />
      {going ? t.vote.now(part.samples) : t.vote.done(part.agree ?? 0, part.samples)}
    </p>
  );
}

/** Whole seconds since an instant, counted on while something goes on. */
function useSeconds(since: string, going: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!going) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [going]);
  return Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
}
