import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { Mark } from "~/settings/parts/Rows";
import { Waiting } from "~/settings/parts/Waiting";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { useLabWords } from "./words";

interface Props<T> {
  label: string;
  query: UseInfiniteQueryResult<InfiniteData<{ items: T[] }>>;
  /** In place of the list where there is nothing. */
  empty: ReactNode;
  /** One of it, as an item of a list. */
  children: (item: T) => ReactNode;
}

/** A list of the lab's, page after page. */
export function Entries<T>({ label, query, empty, children }: Props<T>) {
  const all = useWords();
  const words = useLabWords();
  const items = query.data?.pages.flatMap((page) => page.items);
  if (!items)
    return query.error ? (
      <Trouble text={explain(query.error, all)} retry={() => query.refetch()} />
    ) : (
      <Waiting />
    );
  if (items.length === 0) return empty;
  return (
    <div>
      <ul aria-label={label} className="divide-y divide-line border-line border-y">
        {items.map(children)}
      </ul>
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
    </div>
  );
}

interface EntryProps {
  page: "models" | "releases";
  id: string;
  name: string;
  mark: ReactNode;
  good: boolean;
  /** What is wrong with it now. */
  trouble?: string | undefined;
  about: string;
}

/** One that has a page of its own: what it is called, how it stands, and what else is good to know. */
export function Entry({ page, id, name, mark, good, trouble, about }: EntryProps) {
  return (
    <li>
      <Link
        to="/lab/$page/$item"
        params={{ page, item: id }}
        className="-mx-2 flex items-center gap-4 rounded-sm px-2 py-3 transition-colors duration-100 hover:bg-tint"
      >
        <span className="min-w-0 flex-1 leading-snug">
          <span className="flex flex-wrap items-center gap-x-2.5 gap-y-0.5">
            <span className="min-w-0 break-words font-medium">{name}</span>
            <Mark look={good ? "good" : "plain"}>{mark}</Mark>
            {trouble && <Mark look="bad">{trouble}</Mark>}
          </span>
          <span className="block text-muted text-sm">{about}</span>
        </span>
        <ChevronRight aria-hidden className="size-4 flex-none text-muted" />
      </Link>
    </li>
  );
}
