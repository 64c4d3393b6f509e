import type { UseQueryResult } from "@tanstack/react-query";
import type { Usage, UsageRow } from "~/api/money";
import { Loaded } from "../parts/Loaded";
import { Empty } from "../parts/Rows";
import { useAmounts } from "./amounts";
import { Chart } from "./Chart";
import { bucketOf, type Range } from "./queries";
import { chartOf } from "./series";
import { useMoneyWords } from "./words";

export type Measure = "tokens" | "requests" | "charge" | "cost" | "compute" | "energy";

const values: Record<Measure, (row: UsageRow) => number> = {
  tokens: (row) => row.input_tokens + row.output_tokens,
  requests: (row) => row.requests,
  charge: (row) => row.charge_nano,
  cost: (row) => row.cost_nano ?? 0,
  compute: (row) => row.compute_ns ?? 0,
  energy: (row) => row.energy_uj ?? 0,
};

interface Props {
  query: UseQueryResult<Usage>;
  range: Range;
  measure: Measure;
  grouped: string;
  name: (group: string | null, names: Record<string, string>) => string;
}

/** Usage over time, by group. */
export function UsageChart({ query, range, measure, grouped, name }: Props) {
  const t = useMoneyWords();
  const amounts = useAmounts();
  const money = measure === "charge" || measure === "cost";
  const full = money
    ? amounts.dollars
    : measure === "compute"
      ? amounts.lasted
      : measure === "energy"
        ? amounts.energy
        : amounts.count;
  return (
    <Loaded query={query}>
      {(usage) => {
        const bucket = bucketOf[range];
        const data = chartOf(
          usage.items,
          values[measure],
          new Date(usage.start),
          new Date(usage.end),
          bucket,
        );
        if (usage.items.length === 0) return <Empty title={t.usage.emptyTitle} text={t.usage.empty} />;
        return (
          <Chart
            data={data}
            bucket={bucket}
            label={t.measures[measure]}
            grouped={grouped}
            name={(group) => name(group, usage.names)}
            short={money || measure === "compute" || measure === "energy" ? full : amounts.compact}
            full={full}
          />
        );
      }}
    </Loaded>
  );
}

/** What each measure comes to in all. */
export function sumOf(rows: readonly UsageRow[], measure: Measure): number {
  return rows.reduce((sum, row) => sum + values[measure](row), 0);
}
