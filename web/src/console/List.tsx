import { type InfiniteData, type UseInfiniteQueryResult, useInfiniteQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { type ReactNode, useDeferredValue, useId, useState } from "react";
import type { Pages } from "~/api/admin";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { Waiting } from "~/settings/parts/Waiting";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { useConsoleWords } from "./words";

interface Props<T> {
  name: string;
  label: string;
  /** Where it can be searched: what for. */
  hint?: string;
  empty: string;
  load: (query: string, place: string | null) => Promise<Pages<T>>;
  children: (item: T) => ReactNode;
}

/** A long list: searched where it can be, and shown page by page. */
export function List<T extends { id: string }>({ name, label, hint, empty, load, children }: Props<T>) {
  const all = useWords();
  const t = useConsoleWords();
  const id = useId();
  const [text, setText] = useState("");
  const query = useDeferredValue(text.trim());
  const found: UseInfiniteQueryResult<InfiniteData<Pages<T>>> = useInfiniteQuery({
    queryKey: ["console", name, query],
    queryFn: ({ pageParam }) => load(query, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page: Pages<T>) => page.next,
    placeholderData: (before) => before,
  });
  const items = found.data?.pages.flatMap((page) => page.items);
  return (
    <div>
      {hint && (
        <div className="relative mb-4 max-w-sm">
          <label htmlFor={id} className="sr-only">
            {t.search}
          </label>
          <Search
            aria-hidden
            className="pointer-events-none absolute top-1/2 start-3 size-4 -translate-y-1/2 text-muted"
          />
          <input
            id={id}
            type="search"
            autoComplete="off"
            placeholder={hint}
            value={text}
            onChange={(event) => setText(event.target.value)}
            className="h-11 w-full rounded-sm border border-control bg-raised pe-3 ps-9 outline-none placeholder:text-muted focus:border-accent focus:ring-1 focus:ring-accent"
          />
        </div>
      )}
      {items === undefined ? (
        found.error ? (
          <Trouble text={explain(found.error, all)} retry={() => found.refetch()} />
        ) : (
          <Waiting />
        )
      ) : items.length === 0 ? (
        <p role="status" className="text-muted text-sm">
          {query ? t.nothing : empty}
        </p>
      ) : (
        <>
          <ul aria-label={label} className="divide-y divide-line border-line border-y">
            {items.map((item) => children(item))}
          </ul>
          {found.hasNextPage && (
            <Button
              look="outline"
              className="mt-4"
              disabled={found.isFetchingNextPage}
              onClick={() => found.fetchNextPage()}
            >
              {t.more}
            </Button>
          )}
        </>
      )}
    </div>
  );
}
