import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Field } from "~/account/Field";
import type { Group } from "~/api/money";
import type { PageProps } from "~/settings/Frame";
import { useAmounts } from "~/settings/money/amounts";
import { type Range, ranges } from "~/settings/money/queries";
import { type Measure, sumOf, UsageChart } from "~/settings/money/UsageChart";
import { useMoneyWords } from "~/settings/money/words";
import { Loaded } from "~/settings/parts/Loaded";
import { Page, Section } from "~/settings/parts/Page";
import { Select } from "~/settings/parts/Select";
import { Button } from "~/ui/Button";
import { Figures } from "../Figures";
import { houseUsageQuery, machinesQuery } from "../queries";
import { RequestPage } from "../RequestPage";
import { usePlanTitle } from "../titles";
import { useConsoleWords } from "../words";

const measures = ["tokens", "requests", "charge", "cost", "compute", "energy"] as const;
const cell = "py-2 ps-6 text-end";
const groups = ["model", "plan", "user", "workspace", "key"] as const;

/** What everybody used, what it was charged and what it cost; or one request. */
export default function Usage({ item }: PageProps) {
  return item ? <RequestPage key={item} id={item} /> : <Everything />;
}

function Everything() {
  const words = useMoneyWords();
  const t = useConsoleWords().usage;
  const amounts = useAmounts();
  const planTitle = usePlanTitle();
  const [range, setRange] = useState<Range>("30");
  const [measure, setMeasure] = useState<Measure>("tokens");
  const [group, setGroup] = useState<Group>("model");
  const usage = useQuery(houseUsageQuery(range, group));
  const rows = usage.data?.items ?? [];
  const charge = sumOf(rows, "charge");
  const cost = sumOf(rows, "cost");
  return (
    <Page title={t.title} lead={t.lead}>
      <div className="space-y-8">
        <div className="flex flex-wrap gap-3">
          <Select small label={words.usage.range} value={range} choose={(value) => setRange(value as Range)}>
            {ranges.map((each) => (
              <option key={each} value={each}>
                {words.usage.ranges[each]}
              </option>
            ))}
          </Select>
          <Select
            small
            label={words.usage.measure}
            value={measure}
            choose={(value) => setMeasure(value as Measure)}
          >
            {measures.map((each) => (
              <option key={each} value={each}>
                {words.measures[each]}
              </option>
            ))}
          </Select>
          <Select small label={words.usage.group} value={group} choose={(value) => setGroup(value as Group)}>
            {groups.map((each) => (
              <option key={each} value={each}>
                {words.usage.groups[each]}
              </option>
            ))}
          </Select>
        </div>
        {rows.length > 0 && (
          <Figures
            label={t.title}
            items={[
              [t.sums.requests, amounts.compact(sumOf(rows, "requests"))],
              [t.sums.tokens, amounts.compact(sumOf(rows, "tokens"))],
              [t.sums.charge, amounts.dollars(charge)],
              [t.sums.cost, amounts.dollars(cost)],
              [t.sums.margin, amounts.dollars(charge - cost)],
              [t.sums.energy, amounts.energy(sumOf(rows, "energy"))],
            ]}
          />
        )}
        <UsageChart
          query={usage}
          range={range}
          measure={measure}
          grouped={words.usage.groups[group]}
          name={(named, names) =>
            named === null
              ? group === "key"
                ? words.usage.noKey
                : words.usage.noGroup
              : group === "plan"
                ? planTitle(named)
                : (names[named] ?? named)
          }
        />
      </div>
      <Machines range={range} />
      <Find />
    </Page>
  );
}

function Machines({ range }: { range: Range }) {
  const t = useConsoleWords().usage;
  const amounts = useAmounts();
  const query = useQuery(machinesQuery(range));
  const head = (name: string) => (
    <th key={name} scope="col" className={`${cell} font-medium`}>
      {name}
    </th>
  );
  return (
    <Section title={t.machines} lead={t.machinesLead}>
      <Loaded query={query} rows={1}>
        {(machines) =>
          machines.length === 0 ? (
            <p className="text-muted text-sm">{t.noMachines}</p>
          ) : (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must be able to reach it
            <section aria-label={t.machines} tabIndex={0} className="overflow-x-auto">
              <table className="w-full border-collapse whitespace-nowrap text-sm tabular-nums">
                <thead>
                  <tr className="border-control border-b">
                    <th scope="col" className="py-2 text-start font-medium">
                      {t.machine}
                    </th>
                    {[t.bill, t.sums.requests, t.training, t.idle, t.share].map(head)}
                  </tr>
                </thead>
                <tbody>
                  {machines.map((row) => (
                    <tr key={row.machine} className="border-line border-b align-top">
                      <th scope="row" className="py-2 text-start font-normal">
                        {row.machine}
                      </th>
                      <td className={cell}>{amounts.dollars(row.bill_nano)}</td>
                      <td className={cell}>{amounts.dollars(row.requests_nano)}</td>
                      <td className={cell}>
                        {amounts.dollars(row.training_nano)}
                        {row.training_ns > 0 && (
                          <span className="block text-muted text-xs">
                            {`${amounts.lasted(row.training_ns)} · ${amounts.energy(row.training_uj)}`}
                          </span>
                        )}
                      </td>
                      <td className={cell}>{amounts.dollars(row.idle_nano)}</td>
                      <td className={cell}>
                        {amounts.percent(row.bill_nano === 0 ? 0 : row.idle_nano / row.bill_nano)}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </section>
          )
        }
      </Loaded>
    </Section>
  );
}

function Find() {
  const t = useConsoleWords().usage;
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const find = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim()) navigate({ to: "/console/$page/$item", params: { page: "usage", item: text.trim() } });
  };
  return (
    <Section title={t.find} lead={t.findLead}>
      <form onSubmit={find} className="flex max-w-md items-start gap-2">
        <div className="flex-1">
          <Field
            label={t.findLabel}
            hideLabel
            type="text"
            autoComplete="off"
            spellCheck={false}
            placeholder="req_…"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
        <Button type="submit" look="outline" className="h-11!" disabled={!text.trim()}>
          {t.open}
        </Button>
      </form>
    </Section>
  );
}
