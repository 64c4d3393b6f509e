import { infiniteQueryOptions, keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { call, id } from "~/api/client";
import { useConnection } from "~/api/connection";
import type { Found, SearchResults } from "~/api/types";

/** Who types faster than this is not asked for yet, in milliseconds. */
const PAUSE_MS = 140;
const SHORTEST = 2;
const A_PAGE = 12;

function searchQuery(text: string) {
  return infiniteQueryOptions({
    queryKey: ["search", text],
    queryFn: ({ pageParam, signal }) =>
      call<SearchResults>(
        "GET",
        `/api/search?q=${id(text)}&limit=${A_PAGE}${pageParam ? `&before=${id(pageParam)}` : ""}`,
        undefined,
        { signal },
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 60_000,
  });
}

export interface Search {
  found: readonly Found[];
  /** The answer to what is typed now is not there yet. */
  searching: boolean;
  failed: boolean;
  offline: boolean;
  more: (() => void) | null;
  /** Older texts that the server cannot find yet. */
  remaining: number;
  again: () => void;
}

/** What the server finds for what is typed, once the typing pauses. What was asked for before is called off. */
export function useSearch(typed: string): Search {
  const wanted = typed.trimStart();
  const [asked, setAsked] = useState("");
  const offline = useConnection() !== "ok";
  useEffect(() => {
    const timer = setTimeout(() => setAsked(wanted), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [wanted]);
  const enabled = [...asked.trim()].length >= SHORTEST && !offline;
  const query = useInfiniteQuery({ ...searchQuery(asked), enabled });
  const worth = [...wanted.trim()].length >= SHORTEST && !offline;
  const pages = worth && !query.isError ? query.data?.pages : undefined;
  return {
    found: pages?.flatMap((page) => page.items) ?? [],
    searching: worth && (asked !== wanted || query.isFetching),
    failed: worth && asked === wanted && query.isError && !query.isFetching,
    offline,
    more: query.hasNextPage && !query.isPlaceholderData ? () => query.fetchNextPage() : null,
    remaining: pages?.[0]?.remaining ?? 0,
    again: () => query.refetch(),
  };
}
