import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ArrowRightLeft } from "lucide-react";
import { useState } from "react";
import type { Comparison } from "~/api/lab";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { useAmounts } from "~/settings/money/amounts";
import { Loaded } from "~/settings/parts/Loaded";
import { Page, Section } from "~/settings/parts/Page";
import { Empty } from "~/settings/parts/Rows";
import { Select } from "~/settings/parts/Select";
import { Waiting } from "~/settings/parts/Waiting";
import { Button, buttonLook } from "~/ui/Button";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { useFigures } from "../figures";
import { comparisonQuery, pairsQuery, runsQuery } from "../queries";
import { Asked, Said } from "../Replies";
import { useLabWords } from "../words";

/** Two evaluations: whether the second is better, beyond chance. */
export default function Compare() {
  const t = useLabWords().compare;
  const navigate = useNavigate();
  const { before, after } = useSearch({ strict: false });
  const query = useInfiniteQuery(runsQuery("evaluate"));
  const runs = query.data?.pages.flatMap(({ items }) => items).filter(({ status }) => status === "done");
  const choose = (search: { before?: string | undefined; after?: string | undefined }) =>
    navigate({
      to: "/lab/$page",
      params: { page: "compare" },
      search: Object.fromEntries(Object.entries(search).filter(([, name]) => name)),
      replace: true,
    });
  const pick = (label: string, value: string | undefined, set: (name: string) => void) => (
    <div className="min-w-0 flex-1 basis-52">
      <Select label={label} value={value ?? ""} choose={set}>
        <option value="">{t.choose}</option>
        {runs?.map(({ id }) => (
          <option key={id} value={id}>
            {id}
          </option>
        ))}
      </Select>
    </div>
  );
  return (
    <Page title={t.title} lead={t.lead}>
      {!runs ? (
        query.error ? (
          <Loaded query={query}>{() => null}</Loaded>
        ) : (
          <Waiting />
        )
      ) : runs.length < 2 ? (
        <Empty
          title={t.emptyTitle}
          text={t.empty}
          action={
            <Link
              to="/lab/$page"
              params={{ page: "start" }}
              search={{ stage: "evaluate" }}
              className={buttonLook("primary")}
            >
              {t.measure}
            </Link>
          }
        />
      ) : (
        <>
          <div className="flex max-w-2xl flex-wrap items-end gap-x-3 gap-y-4">
            {pick(t.before, before, (name) => choose({ before: name, after }))}
            <IconButton
              label={t.swap}
              icon={ArrowRightLeft}
              onClick={() => choose({ before: after, after: before })}
              className="mb-0.5"
            />
            {pick(t.after, after, (name) => choose({ before, after: name }))}
          </div>
          {!before || !after ? (
            <p className="text-muted text-sm">{t.pick}</p>
          ) : before === after ? (
            <p className="text-muted text-sm">{t.same}</p>
          ) : (
            <Found key={`${before} ${after}`} before={before} after={after} />
          )}
        </>
      )}
    </Page>
  );
}

function Found({ before, after }: { before: string; after: string }) {
  const all = useWords();
  const query = useQuery(comparisonQuery(before, after));
  if (query.error && !query.data)
    return <Trouble text={explain(query.error, all)} retry={() => query.refetch()} />;
  return (
    <Loaded query={query}>
      {(comparison) => (
        <>
          <Changes comparison={comparison} />
          {comparison.items.length > 0 && (
            <Pairs before={before} after={after} tasks={comparison.items.map(({ task }) => task)} />
          )}
        </>
      )}
    </Loaded>
  );
}

function Changes({ comparison: { items, apart, texts, texts_apart } }: { comparison: Comparison }) {
  const t = useLabWords().compare;
  const amounts = useAmounts();
  const { points, bits, plain } = useFigures();
  if (items.length + apart.length + texts.length + texts_apart.length === 0)
    return <p className="text-muted text-sm">{t.none}</p>;
  return (
    <div className="space-y-10">
      {items.length + apart.length > 0 && (
        <div>
          <ChangeTable
            label={t.title}
            what={t.task}
            rows={items.map((item) => ({
              ...item,
              name: item.task,
              before: amounts.percent(item.before),
              after: amounts.percent(item.after),
              changed: t.points(points(item.change)),
              interval: `${points(item.low)} … ${points(item.high)}`,
              better: item.change > 0,
            }))}
          />
          <Apart items={apart.map(({ task, reason }) => [task, t.why[reason]])} />
          {items.length > 0 && <p className="mt-4 max-w-2xl text-pretty text-muted text-sm">{t.how}</p>}
        </div>
      )}
      {texts.length + texts_apart.length > 0 && (
        <Section title={t.texts} lead={t.textsLead}>
          <ChangeTable
            label={t.texts}
            what={t.text}
            rows={texts.map((item) => ({
              ...item,
              name: item.texts,
              before: plain(item.before),
              after: plain(item.after),
              beforeToo: t.perplexity(plain(item.perplexity_before)),
              afterToo: t.perplexity(plain(item.perplexity_after)),
              changed: bits(item.change),
              interval: `${bits(item.low)} … ${bits(item.high)}`,
              better: item.change < 0,
            }))}
          />
          <Apart items={texts_apart.map(({ texts: name, reason }) => [name, t.whyTexts[reason]])} />
          {texts.length > 0 && <p className="mt-4 max-w-2xl text-pretty text-muted text-sm">{t.howTexts}</p>}
        </Section>
      )}
    </div>
  );
}

interface Change {
  name: string;
  before: string;
  after: string;
  beforeToo?: string | undefined;
  afterToo?: string | undefined;
  changed: string;
  interval: string;
  p: number;
  is_real: boolean;
  better: boolean;
}

function ChangeTable({ label, what, rows }: { label: string; what: string; rows: readonly Change[] }) {
  const t = useLabWords().compare;
  const { chance } = useFigures();
  if (rows.length === 0) return null;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must be able to reach it
    <section aria-label={label} tabIndex={0} className="overflow-x-auto">
      <table className="w-full min-w-[40rem] border-collapse text-sm tabular-nums">
        <thead>
          <tr className="border-control border-b">
            <th scope="col" className="py-2 pe-6 text-start font-medium">
              {what}
            </th>
            {[t.before, t.after, t.change, t.interval, t.p].map((name) => (
              <th key={name} scope="col" className="py-2 ps-6 text-end font-medium">
                {name}
              </th>
            ))}
            <th scope="col" className="py-2 ps-8 text-start font-medium">
              {t.verdict}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name} className="border-line border-b align-top">
              <th scope="row" className="py-2.5 pe-6 text-start font-normal normal-nums">
                {row.name}
              </th>
              <Value value={row.before} too={row.beforeToo} />
              <Value value={row.after} too={row.afterToo} />
              <td className="whitespace-nowrap py-2.5 ps-6 text-end font-medium">{row.changed}</td>
              <td className="whitespace-nowrap py-2.5 ps-6 text-end">{row.interval}</td>
              <td className="whitespace-nowrap py-2.5 ps-6 text-end">{chance(row.p)}</td>
              <td className="whitespace-nowrap py-2.5 ps-8">
                {!row.is_real ? (
                  <span className="text-muted">{t.untold}</span>
                ) : row.better ? (
                  <span className="font-medium text-positive">{t.better}</span>
                ) : (
                  <span className="font-medium text-danger">{t.worse}</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Value({ value, too }: { value: string; too: string | undefined }) {
  return (
    <td className="py-2.5 ps-6 text-end">
      {value}
      {too !== undefined && <span className="block whitespace-nowrap text-muted text-xs">{too}</span>}
    </td>
  );
}

/** Of what nothing can be said, and why. */
function Apart({ items }: { items: readonly (readonly [string, string])[] }) {
  if (items.length === 0) return null;
  return (
    <ul className="mt-4 space-y-1 text-sm">
      {items.map(([name, why]) => (
        <li key={name}>
          {name}: <span className="text-muted">{why}</span>
        </li>
      ))}
    </ul>
  );
}

function Pairs({ before, after, tasks }: { before: string; after: string; tasks: readonly string[] }) {
  const words = useLabWords();
  const t = words.compare;
  const amounts = useAmounts();
  const [task, setTask] = useState<string | null>(null);
  const query = useInfiniteQuery(pairsQuery(before, after, task));
  const total = query.data?.pages[0]?.total;
  return (
    <Section
      title={t.replies}
      lead={total === undefined ? undefined : t.repliesCount(amounts.count(total))}
      action={
        tasks.length > 1 && (
          <Select
            small
            hideLabel
            label={t.task}
            value={task ?? ""}
            choose={(chosen) => setTask(chosen || null)}
          >
            <option value="">{t.every}</option>
            {tasks.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </Select>
        )
      }
    >
      <Loaded query={query}>
        {({ pages }) =>
          pages[0]?.total === 0 ? (
            <p className="text-muted text-sm">{t.noReplies}</p>
          ) : (
            <>
              <ol aria-label={t.replies} className="divide-y divide-line border-line border-y">
                {pages
                  .flatMap(({ items }) => items)
                  .map((pair) => (
                    <li key={`${pair.after.task} ${pair.after.problem}`} className="py-4">
                      <Asked reply={pair.after} />
                      <div className="grid gap-x-10 gap-y-3 md:grid-cols-2">
                        {(
                          [
                            [before, pair.before],
                            [after, pair.after],
                          ] as const
                        ).map(([name, reply]) => (
                          <div key={name} className="min-w-0">
                            <p className="mb-1 text-muted text-xs">{name}</p>
                            <Said reply={reply} />
                          </div>
                        ))}
                      </div>
                    </li>
                  ))}
              </ol>
              {query.hasNextPage && (
                <Button
                  look="outline"
                  className="mt-4"
                  disabled={query.isFetchingNextPage}
                  onClick={() => query.fetchNextPage()}
                >
                  {words.more}
                </Button>
              )}
            </>
          )
        }
      </Loaded>
    </Section>
  );
}
