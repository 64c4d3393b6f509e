import { queryOptions } from "@tanstack/react-query";
import { call, id } from "~/api/client";
import type { components } from "~/api/schema";

type Schemas = components["schemas"];

export type Import = Schemas["ImportOut"];
export type Report = Schemas["ReportOut"];
export type Choice = Schemas["ChoiceBody"];
type Job = Schemas["JobOut"];

/** The calls about archives from elsewhere. All reject with a `Problem`. */
export const importing = {
  imports: () => call<Schemas["ImportList"]>("GET", "/api/imports"),
  bring: (file: File) =>
    call<Import>("POST", `/api/imports?name=${id(file.name)}`, undefined, {
      body: file,
      headers: { "content-type": "application/octet-stream" },
    }),
  start: (record: string, choice: Choice) => call<Import>("POST", `/api/imports/${id(record)}/start`, choice),
  forget: (record: string) => call<void>("DELETE", `/api/imports/${id(record)}`),
};

const WORKING_MS = 1_000;

/** One's imports; asked for again while something is being done with one. */
export const importsQuery = queryOptions({
  queryKey: ["imports"],
  queryFn: async () => (await importing.imports()).items,
  refetchInterval: ({ state }) => (state.data?.some(isWorking) ? WORKING_MS : false),
});

export function isWorking({ status }: Import): boolean {
  return status === "reading" || status === "importing";
}

export const jobQuery = (job: string) =>
  queryOptions({
    queryKey: ["job", job],
    queryFn: () => call<Job>("GET", `/api/jobs/${id(job)}`),
    refetchInterval: WORKING_MS,
  });
