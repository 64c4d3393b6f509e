import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus, Search } from "lucide-react";
import { useDeferredValue, useEffect, useState } from "react";
import { Button, buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { AssistantMark } from "./AssistantMark";
import { AssistantMenu } from "./AssistantMenu";
import { assistantsQuery, type Summary } from "./queries";
import { useAssistantWords } from "./words";

const scopes = ["featured", "mine", "workspaces", "everybody"] as const;

/** Every assistant that one may talk with: one's own, those shared with one, those that the house recommends. */
export function Gallery() {
  const t = useAssistantWords();
  const [text, setText] = useState("");
  const wanted = useDeferredValue(text.trim());
  useEffect(() => {
    document.title = `${t.title} · Causette`;
  }, [t]);
  const lists = {
    featured: useInfiniteQuery(assistantsQuery("featured", wanted)),
    mine: useInfiniteQuery(assistantsQuery("mine", wanted)),
    workspaces: useInfiniteQuery(assistantsQuery("workspaces", wanted)),
    everybody: useInfiniteQuery(assistantsQuery("everybody", wanted)),
  };
  const known = Object.values(lists).every(({ data }) => data);
  const found = Object.values(lists).some(({ data }) => data?.pages.some(({ items }) => items.length > 0));
  const failed = Object.values(lists).some(({ error, data }) => error && !data);
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto w-full max-w-[56rem] px-4 pt-[max(1.5rem,8vh)] pb-12 md:px-8">
        <header className="flex flex-wrap items-start gap-x-6 gap-y-4">
          <div className="min-w-0 flex-[1_1_18rem]">
            <h1 className="font-serif text-xl tracking-tight">{t.title}</h1>
            <p className="mt-1 text-pretty text-muted text-sm">{t.lead}</p>
          </div>
          <Link to="/assistants/$edit" params={{ edit: "new" }} className={buttonLook("primary")}>
            <Plus aria-hidden className="size-4" />
            {t.create}
          </Link>
        </header>
        <div className="relative mt-6">
          <Search
            aria-hidden
            className="-translate-y-1/2 absolute start-3 top-1/2 size-4 text-muted"
            strokeWidth={1.75}
          />
          <input
            type="search"
            aria-label={t.search}
            placeholder={t.search}
            value={text}
            maxLength={100}
            onChange={(event) => setText(event.target.value)}
            className="h-11 w-full rounded-full border border-control bg-raised ps-10 pe-4 text-base outline-none focus-visible:outline-2 focus-visible:outline-accent"
          />
        </div>
        {failed && (
          <Trouble text={t.failed} retry={() => Object.values(lists).map(({ refetch }) => refetch())} />
        )}
        {known && !found && wanted !== "" && (
          <p role="status" className="mt-8 text-muted">
            {t.nothing}
          </p>
        )}
        {!known && !failed && <Skeleton />}
        {known &&
          scopes.map((scope) => {
            const list = lists[scope];
            const items = list.data?.pages.flatMap((page) => page.items) ?? [];
            if (items.length === 0 && (scope !== "mine" || wanted !== "")) return null;
            return (
              <section key={scope} aria-label={t.scopes[scope]} className="mt-9">
                <h2 className="font-medium text-muted text-sm">{t.scopes[scope]}</h2>
                {items.length === 0 ? (
                  <div className="mt-3 rounded-md border border-line border-dashed px-6 py-8 text-center">
                    <p className="font-serif text-lg">{t.empty}</p>
                    <p className="mx-auto mt-1 max-w-sm text-pretty text-muted text-sm">{t.emptyLead}</p>
                  </div>
                ) : (
                  <ul className="mt-2 grid gap-x-8 sm:grid-cols-2">
                    {items.map((assistant) => (
                      <Card key={assistant.id} assistant={assistant} />
                    ))}
                  </ul>
                )}
                {list.hasNextPage && (
                  <Button
                    look="quiet"
                    className="mt-2"
                    disabled={list.isFetching}
                    onClick={() => list.fetchNextPage()}
                  >
                    {t.more}
                  </Button>
                )}
              </section>
            );
          })}
      </div>
    </div>
  );
}

function Card({ assistant }: { assistant: Summary }) {
  const t = useAssistantWords();
  return (
    <li className="flex items-center gap-1 border-line border-b">
      <Link
        to="/a/$assistant"
        params={{ assistant: assistant.id }}
        className="-ms-2 flex min-w-0 flex-1 items-center gap-3.5 rounded-sm px-2 py-3.5 hover:bg-tint"
      >
        <AssistantMark assistant={assistant} size="medium" />
        <span className="min-w-0">
          <span className="block truncate font-medium" title={assistant.name}>
            {assistant.name}
          </span>
          {assistant.description && (
            <span className="line-clamp-2 text-pretty text-muted text-sm">{assistant.description}</span>
          )}
          <span className="block truncate text-muted text-xs">
            {assistant.mine ? t.sharing[assistant.sharing] : t.by(assistant.owner_name)}
          </span>
        </span>
      </Link>
      <AssistantMenu assistant={assistant} />
    </li>
  );
}

function Skeleton() {
  return (
    <div aria-hidden className="late mt-10 grid gap-6 sm:grid-cols-2">
      {[0, 1, 2, 3].map((each) => (
        <div key={each} className="skeleton h-12" />
      ))}
    </div>
  );
}
