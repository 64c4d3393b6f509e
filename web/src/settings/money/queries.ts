import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type Bucket, type Group, money } from "~/api/money";
import { queries } from "~/api/queries";
import { beginning } from "./series";

export const plansQuery = queryOptions({ queryKey: ["plans"], queryFn: money.plans, staleTime: 60_000 });

export const creditQuery = queryOptions({ queryKey: ["plan", "credit"], queryFn: money.credit });

export const limitsQuery = queryOptions({
  queryKey: ["plan", "limits"],
  queryFn: async () => (await money.limits()).items,
  refetchInterval: 60_000,
});

export const invoicesQuery = queryOptions({
  queryKey: ["plan", "invoices"],
  queryFn: async () => (await money.invoices()).items,
});

export const requestsQuery = infiniteQueryOptions({
  queryKey: ["usage", "requests"],
  queryFn: ({ pageParam }) => money.requests(pageParam),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next,
});

/** So many days back from today; a year is counted in months. */
export const ranges = ["1", "7", "30", "90", "365"] as const;
export type Range = (typeof ranges)[number];

export const bucketOf: Record<Range, Bucket> = {
  "1": "hour",
  "7": "day",
  "30": "day",
  "90": "day",
  "365": "month",
};

/** From when a range shows something: the beginning of its first stretch. */
export function since(range: Range, now: Date): Date {
  const first = new Date(now.getTime() - (Number(range) - 1) * 86_400_000);
  if (range === "1") first.setTime(now.getTime() - 23 * 3_600_000);
  return beginning(first, bucketOf[range]);
}

export const usageQuery = (range: Range, group: Group) =>
  queryOptions({
    queryKey: ["usage", range, group],
    queryFn: () => {
      const from = since(range, new Date()).toISOString();
      return money.usage({ from, bucket: bucketOf[range], group_by: group });
    },
    placeholderData: keepPreviousData,
  });

export const planChanged = () => queries.invalidateQueries({ queryKey: ["plan"] });
