import { Link } from "@tanstack/react-router";
import type { Turn } from "~/api/lab";
import { useAmounts } from "~/settings/money/amounts";
import { Section } from "~/settings/parts/Page";
import { Mark } from "~/settings/parts/Rows";
import { useBegunBy } from "./useBegunBy";
import { useReason } from "./useReason";
import { placeOf } from "./wheel";
import { useWheelWords } from "./words";

/** The turns that are over, the newest first. */
export function PastTurns({ turns }: { turns: readonly Turn[] }) {
  const words = useWheelWords();
  const t = words.past;
  const { moment, count } = useAmounts();
  const reason = useReason();
  const by = useBegunBy();
  return (
    <Section title={t.title}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must be able to reach it */}
      <section aria-label={t.title} tabIndex={0} className="overflow-x-auto">
        <table className="w-full min-w-[44rem] border-collapse text-sm">
          <thead>
            <tr className="border-control border-b">
              {[t.begun, t.by, t.state, t.learned, t.reason, t.seen].map((name, place) => (
                <th
                  key={name}
                  scope="col"
                  className={`whitespace-nowrap py-2 text-start font-medium ${place > 0 ? "ps-6" : ""}`}
                >
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {turns.map((turn) => (
              <tr key={turn.id} className="border-line border-b align-baseline">
                <th scope="row" className="whitespace-nowrap py-2.5 text-start font-normal tabular-nums">
                  <time dateTime={turn.created_at}>{moment(turn.created_at)}</time>
                </th>
                <td className="max-w-48 break-words py-2.5 ps-6">{by(turn.begun_by)}</td>
                <td className="py-2.5 ps-6">
                  <Mark look={turn.state === "promoted" ? "good" : "plain"}>{t.states[turn.state]}</Mark>
                </td>
                <td className="whitespace-nowrap py-2.5 ps-6 tabular-nums">
                  {turn.thumbs + turn.pairs === 0
                    ? t.nothing
                    : `${words.examples.thumbs(turn.thumbs, count(turn.thumbs))}, ${words.examples.pairs(turn.pairs, count(turn.pairs))}`}
                </td>
                <td className="max-w-80 break-words py-2.5 ps-6 text-muted">{reason(turn.reason)}</td>
                <td className="whitespace-nowrap py-2.5 ps-6">
                  <Seen turn={turn} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </Section>
  );
}

/** What a turn left: the curves of its training, its model, its release. */
function Seen({ turn }: { turn: Turn }) {
  const t = useWheelWords().past;
  const places = [
    [t.training, placeOf(turn, "training")],
    [t.model, placeOf(turn, "signing")],
    [t.release, placeOf(turn, "canary")],
  ] as const;
  return (
    <span className="flex flex-wrap gap-x-3 gap-y-1">
      {places.map(
        ([name, to]) =>
          to && (
            <Link
              key={name}
              to="/lab/$page/$item"
              params={to}
              className="underline underline-offset-4 hover:text-accent"
            >
              {name}
            </Link>
          ),
      )}
    </span>
  );
}
