import { useInfiniteQuery, useIsMutating, useMutation } from "@tanstack/react-query";
import { Check, EyeOff, RefreshCw } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { type Example, type Flywheel, lab, type Verdict } from "~/api/lab";
import { explain } from "~/api/problems";
import { queries } from "~/api/queries";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { useAmounts } from "~/settings/money/amounts";
import { Choices } from "~/settings/parts/Choices";
import { Section } from "~/settings/parts/Page";
import { Empty } from "~/settings/parts/Rows";
import { Waiting } from "~/settings/parts/Waiting";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { examplesQuery, flywheelQuery } from "../queries";
import { useLabWords } from "../words";
import { EditExample } from "./EditExample";
import { ExampleCard } from "./ExampleCard";
import { countsOf } from "./wheel";
import { useWheelWords } from "./words";

type Decision = Exclude<Verdict, "pending">;

const verdicts = ["pending", "kept", "left_out"] as const;
/** As many as the server decides on at once. */
const AT_ONCE = 500;
const DECIDING = ["lab", "decide"];

/** What there is to learn from: looked through one by one with the keyboard, or many at once. */
export function Examples({ counts }: { counts: Flywheel["examples"] }) {
  const words = useWords();
  const t = useWheelWords().examples;
  const { count } = useAmounts();
  const [verdict, setVerdict] = useState<Verdict>("pending");
  const none = counts.length === 0;
  const { thumbs, pairs, all } = countsOf(counts, verdict);
  const collecting = useMutation({
    mutationFn: lab.collect,
    onSuccess: (flywheel) => {
      const more = total(flywheel.examples) - total(counts);
      notify(more < 0 ? t.forgotten(-more, count(-more)) : t.collected(more, count(more)));
      changed(flywheel);
    },
  });
  const collect = (
    <Button
      look={none ? "primary" : "outline"}
      disabled={collecting.isPending}
      onClick={() => collecting.mutate()}
    >
      <RefreshCw aria-hidden className="size-4" />
      {t.collect}
    </Button>
  );
  return (
    <Section title={t.title} lead={t.lead} action={none ? null : collect}>
      {collecting.error && <Trouble text={explain(collecting.error, words)} />}
      {none ? (
        <Empty title={t.noneTitle} text={t.none} action={collect} />
      ) : (
        <>
          <p className="mb-5 max-w-[44rem] text-pretty rounded-sm bg-sunken px-4 py-3 text-sm">{t.rules}</p>
          <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
            <Choices
              label={t.show}
              value={verdict}
              choices={verdicts.map((each) => ({
                value: each,
                label: (
                  <>
                    {t.verdicts[each]}{" "}
                    <span className="text-muted tabular-nums">{count(countsOf(counts, each).all)}</span>
                  </>
                ),
              }))}
              choose={setVerdict}
            />
            <p role="status" className="text-muted text-sm">
              {t.thumbs(thumbs, count(thumbs))} · {t.pairs(pairs, count(pairs))}
            </p>
          </div>
          <Queue key={verdict} verdict={verdict} expected={all} />
        </>
      )}
    </Section>
  );
}

function Queue({ verdict, expected }: { verdict: Verdict; expected: number }) {
  const all = useWords();
  const more = useLabWords().more;
  const t = useWheelWords().examples;
  const { count } = useAmounts();
  const query = useInfiniteQuery(examplesQuery(verdict));
  const { hasNextPage, isFetching, fetchNextPage, refetch } = query;
  const examples = query.data?.pages.flatMap(({ items }) => items);
  const shown = examples?.length ?? 0;
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  // Several may be open: what was begun in one is not thrown away by another.
  const [editing, setEditing] = useState<ReadonlySet<string>>(new Set());
  // Of the cards one is reached with Tab; J and K lead to the others.
  const [current, setCurrent] = useState<string | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const chosen = (examples ?? []).filter(({ id }) => picked.has(id)).map(({ id }) => id);
  const deciding = useMutation({
    mutationKey: DECIDING,
    mutationFn: async ({ ids, as }: { ids: readonly string[]; as: Decision }) => {
      let flywheel: Flywheel | undefined;
      for (let start = 0; start < ids.length; start += AT_ONCE)
        flywheel = await lab.decide(ids.slice(start, start + AT_ONCE), as);
      return flywheel;
    },
    onMutate: ({ ids }) => {
      // An answer that is under way still has them.
      queries.cancelQueries({ queryKey: examplesQuery(verdict).queryKey });
      take(verdict, ids);
    },
    onSuccess: (flywheel) => {
      if (flywheel) queries.setQueryData(flywheelQuery.queryKey, flywheel);
      for (const each of verdicts.filter((other) => other !== verdict))
        queries.invalidateQueries({ queryKey: examplesQuery(each).queryKey });
    },
    onError: () => queries.invalidateQueries({ queryKey: ["lab"] }),
  });
  const quiet = useIsMutating({ mutationKey: DECIDING }) === 0;

  // What was shown is decided on: what is further on comes up.
  useEffect(() => {
    if (shown === 0 && hasNextPage && !isFetching) fetchNextPage();
  }, [shown, hasNextPage, isFetching, fetchNextPage]);
  // Somebody else has decided, or said something.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the count that changes
  useEffect(() => {
    if (quiet && !isFetching && !hasNextPage && expected !== shown) refetch();
  }, [expected, quiet]);

  if (!examples)
    return query.error ? <Trouble text={explain(query.error, all)} retry={() => refetch()} /> : <Waiting />;

  const focus = (id: string | undefined) => {
    const card = id && place.current?.querySelector<HTMLElement>(`[data-example="${id}"]`);
    (card || place.current)?.focus();
  };
  const decide = (ids: readonly string[], as: Decision) => {
    const going = new Set(ids);
    const first = examples.findIndex(({ id }) => going.has(id));
    const rest = examples.filter(({ id }) => !going.has(id));
    const next = examples.slice(first).find(({ id }) => !going.has(id)) ?? rest.at(-1);
    focus(next?.id);
    setPicked((before) => new Set([...before].filter((id) => !going.has(id))));
    deciding.mutate({ ids, as });
  };
  const pick = (id: string) =>
    setPicked((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  const edit = (id: string) => setEditing((before) => new Set(before).add(id));
  const close = (id: string, next = id) => {
    setEditing((before) => new Set([...before].filter((each) => each !== id)));
    // The card is there again once the editor is gone.
    requestAnimationFrame(() => focus(next));
  };
  const rewritten = (example: Example) => {
    const index = examples.findIndex(({ id }) => id === example.id);
    const next = verdict === "kept" ? example : (examples[index + 1] ?? examples[index - 1]);
    if (verdict === "kept") put(example);
    else take(verdict, [example.id]);
    queries.invalidateQueries({ queryKey: flywheelQuery.queryKey });
    queries.invalidateQueries({ queryKey: examplesQuery("kept").queryKey, refetchType: "none" });
    notify(t.saved);
    close(example.id, next?.id ?? "");
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const card = (event.target as HTMLElement).closest<HTMLElement>("[data-example]");
    const cards = examples.filter(({ id }) => !editing.has(id));
    const index = cards.findIndex(({ id }) => id === card?.dataset.example);
    const example = cards[index];
    if (!example) return;
    const act = {
      j: () => focus((cards[index + 1] ?? example).id),
      k: () => focus((cards[index - 1] ?? example).id),
      y: () => verdict !== "kept" && decide([example.id], "kept"),
      n: () => verdict !== "left_out" && decide([example.id], "left_out"),
      e: () => edit(example.id),
      x: () => pick(example.id),
    }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the cards in it
    <div ref={place} tabIndex={-1} onKeyDown={pressed} className="mt-4 outline-none">
      {deciding.error && <Trouble text={t.failed} hint={explain(deciding.error, all)} />}
      {shown === 0 ? (
        !hasNextPage && <p className="py-4 text-muted text-sm">{t.empty[verdict]}</p>
      ) : (
        <>
          <div className="flex flex-wrap items-center gap-x-6 gap-y-2">
            <label className="flex h-10 items-center gap-2.5 text-sm touch:h-11">
              <input
                type="checkbox"
                checked={chosen.length === shown}
                onChange={() =>
                  setPicked(chosen.length === shown ? new Set() : new Set(examples.map(({ id }) => id)))
                }
                className="size-4 accent-accent"
              />
              {t.all}
            </label>
            <Keys verdict={verdict} />
          </div>
          <ol aria-label={t.title} className="divide-y divide-line border-line border-y">
            {examples.map((example, index) => (
              <li key={example.id}>
                {editing.has(example.id) ? (
                  <EditExample example={example} saved={rewritten} close={() => close(example.id)} />
                ) : (
                  <ExampleCard
                    example={example}
                    reachable={
                      current === example.id || (index === 0 && !examples.some(({ id }) => id === current))
                    }
                    reached={() => setCurrent(example.id)}
                    picked={picked.has(example.id)}
                    pick={() => pick(example.id)}
                    decide={(as) => decide([example.id], as)}
                    edit={() => edit(example.id)}
                  />
                )}
              </li>
            ))}
          </ol>
        </>
      )}
      {hasNextPage && shown > 0 && (
        <Button
          look="outline"
          className="mt-4"
          disabled={query.isFetchingNextPage}
          onClick={() => fetchNextPage()}
        >
          {more}
        </Button>
      )}
      {chosen.length > 0 && (
        <section
          aria-label={t.selected(chosen.length, count(chosen.length))}
          className="sticky bottom-4 z-10 mx-auto mt-4 flex w-fit flex-wrap items-center justify-center gap-2 rounded-md border border-line bg-raised p-2 ps-4 shadow-soft"
        >
          <span role="status" className="text-sm tabular-nums">
            {t.selected(chosen.length, count(chosen.length))}
          </span>
          {verdict !== "kept" && (
            <Button look="outline" onClick={() => decide(chosen, "kept")}>
              <Check aria-hidden className="size-4" />
              {t.keep}
            </Button>
          )}
          {verdict !== "left_out" && (
            <Button look="outline" onClick={() => decide(chosen, "left_out")}>
              <EyeOff aria-hidden className="size-4" />
              {t.leaveOut}
            </Button>
          )}
          <Button
            look="quiet"
            onClick={() => {
              setPicked(new Set());
              place.current?.focus();
            }}
          >
            {t.clear}
          </Button>
        </section>
      )}
    </div>
  );
}

/** What the keys do while a card has the focus. */
function Keys({ verdict }: { verdict: Verdict }) {
  const t = useWheelWords().examples.keys;
  const keys: [string, string][] = [
    ["J", t.next],
    ["K", t.previous],
    ...(verdict === "kept" ? [] : [["Y", t.keep] as [string, string]]),
    ...(verdict === "left_out" ? [] : [["N", t.leaveOut] as [string, string]]),
    ["E", t.edit],
    ["X", t.select],
  ];
  return (
    <dl
      aria-label={t.label}
      className="flex flex-wrap items-center gap-x-4 gap-y-1 text-muted text-xs touch:hidden"
    >
      {keys.map(([key, what]) => (
        <div key={key} className="flex items-center gap-1.5">
          <dt>
            <kbd className="min-w-6 rounded-[5px] border border-line bg-paper px-1.5 text-center font-sans leading-6">
              {key}
            </kbd>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}

function total(counts: Flywheel["examples"]): number {
  return counts.reduce((sum, each) => sum + each.count, 0);
}

/** Shows what the server says there is now. */
function changed(flywheel: Flywheel): void {
  queries.setQueryData(flywheelQuery.queryKey, flywheel);
  queries.invalidateQueries({ queryKey: ["lab", "examples"] });
}

/** Takes examples out of the list of a verdict, before the server has answered. */
function take(verdict: Verdict, ids: readonly string[]): void {
  const going = new Set(ids);
  queries.setQueryData(
    examplesQuery(verdict).queryKey,
    (data) =>
      data && {
        ...data,
        pages: data.pages.map((page) => ({ ...page, items: page.items.filter(({ id }) => !going.has(id)) })),
      },
  );
}

/** Puts an example in the place that it has in the list of those that are kept. */
function put(example: Example): void {
  queries.setQueryData(
    examplesQuery("kept").queryKey,
    (data) =>
      data && {
        ...data,
        pages: data.pages.map((page) => ({
          ...page,
          items: page.items.map((each) => (each.id === example.id ? example : each)),
        })),
      },
  );
}
