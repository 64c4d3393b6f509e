import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { MeteredRequest } from "~/api/money";
import { explain } from "~/api/problems";
import { workspacesQuery } from "~/api/queries";
import { useWords } from "~/i18n";
import { usePreference } from "~/preferences";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { useAmounts } from "../money/amounts";
import { type Range, ranges, requestsQuery, usageQuery } from "../money/queries";
import { type Measure, UsageChart } from "../money/UsageChart";
import { useMoneyWords } from "../money/words";
import { Page, Section } from "../parts/Page";
import { Select } from "../parts/Select";
import { Waiting } from "../parts/Waiting";

const measures = ["tokens", "requests", "charge"] as const;

/** What was used, over time and request by request. */
export default function Usage() {
  const words = useMoneyWords();
  const t = words.usage;
  const [range, setRange] = useState<Range>("30");
  const [measure, setMeasure] = useState<Measure>("tokens");
  const [group, setGroup] = useState<"model" | "key">("model");
  const usage = useQuery(usageQuery(range, group));
  const acting = usePreference("workspace");
  const { data: workspaces } = useQuery(workspacesQuery);
  const workspace = workspaces?.find(({ id }) => id === acting);
  return (
    <Page title={t.title} lead={workspace ? t.ofWorkspace(workspace.name) : t.lead}>
      <div>
        <div className="mb-6 flex flex-wrap gap-3">
          <Select small label={t.range} value={range} choose={(chosen) => setRange(chosen as Range)}>
            {ranges.map((each) => (
              <option key={each} value={each}>
                {t.ranges[each]}
              </option>
            ))}
          </Select>
          <Select small label={t.measure} value={measure} choose={(chosen) => setMeasure(chosen as Measure)}>
            {measures.map((each) => (
              <option key={each} value={each}>
                {words.measures[each]}
              </option>
            ))}
          </Select>
          <Select
            small
            label={t.group}
            value={group}
            choose={(chosen) => setGroup(chosen as "model" | "key")}
          >
            {(["model", "key"] as const).map((each) => (
              <option key={each} value={each}>
                {t.groups[each]}
              </option>
            ))}
          </Select>
        </div>
        <UsageChart
          query={usage}
          range={range}
          measure={measure}
          grouped={t.groups[group]}
          name={(named, names) => (named === null ? t.noKey : (names[named] ?? named))}
        />
      </div>
      <Recent />
    </Page>
  );
}

function Recent() {
  const all = useWords();
  const t = useMoneyWords().usage;
  const query = useInfiniteQuery(requestsQuery);
  const items = query.data?.pages.flatMap((page) => page.items);
  return (
    <Section title={t.requests} lead={t.requestsLead}>
      {items === undefined ? (
        query.error ? (
          <Trouble text={explain(query.error, all)} retry={() => query.refetch()} />
        ) : (
          <Waiting />
        )
      ) : items.length === 0 ? (
        <p className="text-muted text-sm">{t.noRequests}</p>
      ) : (
        <>
          <Requests items={items} label={t.requests} />
          {query.hasNextPage && (
            <Button
              look="outline"
              className="mt-4"
              disabled={query.isFetchingNextPage}
              onClick={() => query.fetchNextPage()}
            >
              {t.more}
            </Button>
          )}
        </>
      )}
    </Section>
  );
}

function Requests({ items, label }: { items: readonly MeteredRequest[]; label: string }) {
  const t = useMoneyWords().usage;
  const amounts = useAmounts();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must be able to reach it
    <section aria-label={label} tabIndex={0} className="relative overflow-x-auto">
      <table className="w-full border-collapse whitespace-nowrap text-sm tabular-nums">
        <thead>
          <tr className="border-control border-b text-start">
            {[t.when, t.model].map((name) => (
              <th key={name} scope="col" className="py-2 pe-6 font-medium">
                {name}
              </th>
            ))}
            {[t.tokens, t.first, t.charged].map((name) => (
              <th key={name} scope="col" className="py-2 pe-6 text-end font-medium">
                {name}
              </th>
            ))}
            <th scope="col" className="py-2 font-medium">
              {t.outcome}
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((request) => (
            <tr key={request.id} className="border-line border-b">
              <td className="py-2 pe-6">{amounts.moment(request.created_at)}</td>
              <td className="py-2 pe-6">
                {request.model}
                {t.purposes[request.purpose] && (
                  <span className="text-muted"> · {t.purposes[request.purpose]}</span>
                )}
              </td>
              <td
                className="py-2 pe-6 text-end"
                title={request.cached_tokens > 0 ? t.cached(amounts.count(request.cached_tokens)) : undefined}
              >
                {amounts.count(request.input_tokens)}, {amounts.count(request.output_tokens)}
              </td>
              <td className="py-2 pe-6 text-end">
                {request.ttft_us === null ? "–" : amounts.lasted(request.ttft_us * 1000)}
              </td>
              <td className="py-2 pe-6 text-end">{amounts.dollars(request.charge_nano)}</td>
              <td className="py-2">{t.outcomes[request.outcome ?? request.state] ?? request.outcome}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
