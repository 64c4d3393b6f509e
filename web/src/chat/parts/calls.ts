import { queryOptions } from "@tanstack/react-query";
import { call } from "~/api/client";
import type { components } from "~/api/schema";

type Schemas = components["schemas"];

export type Tools = Schemas["ToolList"];
export type StepResult = Schemas["StepResult"];

export const toolsQuery = queryOptions({
  queryKey: ["tools"],
  queryFn: () => call<Tools>("GET", "/api/tools"),
  staleTime: 300_000,
});

export const answerStep = (generation: string, step: string, approved: boolean) =>
  call<unknown>(
    "POST",
    `/api/generations/${encodeURIComponent(generation)}/approvals/${encodeURIComponent(step)}`,
    { approved },
  );

export const resultQuery = (generation: string, step: string) =>
  queryOptions({
    queryKey: ["step", step],
    queryFn: () =>
      call<StepResult>(
        "GET",
        `/api/generations/${encodeURIComponent(generation)}/steps/${encodeURIComponent(step)}`,
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });
