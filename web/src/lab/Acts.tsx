import { useQuery } from "@tanstack/react-query";
import { useAmounts } from "~/settings/money/amounts";
import { Loaded } from "~/settings/parts/Loaded";
import { Section } from "~/settings/parts/Page";
import { Mark } from "~/settings/parts/Rows";
import { actsQuery } from "./queries";
import { useLabWords } from "./words";

const WATCH = "the watch over canaries";

/** Who did what to something, and why, the newest first. */
export function Acts({ target, title }: { target: string; title: string }) {
  const t = useLabWords();
  const amounts = useAmounts();
  const query = useQuery(actsQuery(target));
  return (
    <Section title={title}>
      <Loaded query={query} rows={2}>
        {(acts) =>
          acts.length === 0 ? (
            <p className="text-muted text-sm">{t.noActs}</p>
          ) : (
            <ol className="space-y-3 text-sm">
              {acts.map((act) => {
                const { share_percent, reason } = act.details;
                return (
                  <li key={act.id} className="flex flex-wrap gap-x-4">
                    <time dateTime={act.at} className="w-28 flex-none text-muted tabular-nums">
                      {amounts.moment(act.at)}
                    </time>
                    <span className="min-w-0 flex-1 basis-56 break-words">
                      <span className="font-medium">{t.acts[act.act] ?? act.act}</span>
                      {typeof share_percent === "number" && ` · ${amounts.percent(share_percent / 100)}`}
                      <span className="text-muted">
                        {" "}
                        {t.releases.by(act.actor === WATCH ? t.watch : act.actor)}
                      </span>
                      {act.outcome !== "done" && (
                        <span className="ms-2">
                          <Mark>{act.outcome === "refused" ? t.refused : t.unfinished}</Mark>
                        </span>
                      )}
                      {typeof reason === "string" && reason && (
                        <span className="block text-pretty">{reason}</span>
                      )}
                    </span>
                  </li>
                );
              })}
            </ol>
          )
        }
      </Loaded>
    </Section>
  );
}
