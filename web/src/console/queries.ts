import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { admin } from "~/api/admin";
import type { Group } from "~/api/money";
import { queries } from "~/api/queries";
import { bucketOf, type Range, since } from "~/settings/money/queries";

export const cataloguesQuery = queryOptions({ queryKey: ["console", "catalogue"], queryFn: admin.plans });

export const accountQuery = (id: string) =>
  queryOptions({ queryKey: ["console", "account", id], queryFn: () => admin.account(id) });

export const requestQuery = (id: string) =>
  queryOptions({ queryKey: ["console", "request", id], queryFn: () => admin.request(id) });

export const houseUsageQuery = (range: Range, group: Group) =>
  queryOptions({
    queryKey: ["console", "usage", range, group],
    queryFn: () =>
      admin.usage({
        from: since(range, new Date()).toISOString(),
        bucket: bucketOf[range],
        group_by: group,
      }),
    placeholderData: keepPreviousData,
  });

export const machinesQuery = (range: Range) =>
  queryOptions({
    queryKey: ["console", "machines", range],
    queryFn: async () => (await admin.machines(since(range, new Date()).toISOString())).items,
    placeholderData: keepPreviousData,
  });

/** After an act: whatever the console shows may be different. */
export const houseChanged = () => queries.invalidateQueries({ queryKey: ["console"] });
