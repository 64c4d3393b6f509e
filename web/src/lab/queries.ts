import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type LabEvents, type LabRun, lab, type Verdict } from "~/api/lab";
import { queries } from "~/api/queries";
import { joined } from "./curves";
import { underWay } from "./flywheel/wheel";

// While something runs, a page looks this often; otherwise now and then, for what a command line begins.
const LIVE_MS = 2_000;
const CALM_MS = 15_000;

const lives = ({ status }: Pick<LabRun, "status">) => status === "running" || status === "waiting";

export const stagesQuery = queryOptions({
  queryKey: ["lab", "stages"],
  queryFn: lab.stages,
  staleTime: 60_000,
});

export const runsQuery = (stage?: string) =>
  infiniteQueryOptions({
    queryKey: ["lab", "runs", stage ?? null],
    queryFn: ({ pageParam }) => lab.runs(pageParam, stage),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: ({ state }) =>
      state.data?.pages.some(({ items }) => items.some(lives)) ? LIVE_MS : CALM_MS,
  });

export const runQuery = (name: string) =>
  queryOptions({
    queryKey: ["lab", "run", name],
    queryFn: () => lab.run(name),
    refetchInterval: ({ state }) => (state.data && lives(state.data) ? LIVE_MS : CALM_MS),
    retry: false,
  });

/** Everything that a run has told; each time only what is new is asked for. */
export const eventsQuery = (name: string, live: boolean) =>
  queryOptions({
    queryKey: ["lab", "events", name],
    queryFn: async () => {
      const known = queries.getQueryData<LabEvents>(["lab", "events", name]);
      const more = await lab.events(name, known?.next ?? 0);
      return known ? joined(known, more) : more;
    },
    refetchInterval: live ? LIVE_MS : false,
  });

export const repliesQuery = (name: string, which: { task: string | null; wrong: boolean }) =>
  infiniteQueryOptions({
    queryKey: ["lab", "replies", name, which],
    queryFn: ({ pageParam }) => lab.replies(name, which, pageParam),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });

export const comparisonQuery = (before: string, after: string) =>
  queryOptions({
    queryKey: ["lab", "compare", before, after],
    queryFn: () => lab.compare(before, after),
    retry: false,
  });

export const pairsQuery = (before: string, after: string, task: string | null) =>
  infiniteQueryOptions({
    queryKey: ["lab", "pairs", before, after, task],
    queryFn: ({ pageParam }) => lab.pairs(before, after, task, pageParam),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });

export const artifactsQuery = infiniteQueryOptions({
  queryKey: ["lab", "artifacts"],
  queryFn: ({ pageParam }) => lab.artifacts(pageParam),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next,
});

export const artifactQuery = (name: string) =>
  queryOptions({ queryKey: ["lab", "artifact", name], queryFn: () => lab.artifact(name), retry: false });

export const releasesQuery = infiniteQueryOptions({
  queryKey: ["lab", "releases"],
  queryFn: ({ pageParam }) => lab.releases(pageParam),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next,
  refetchInterval: CALM_MS,
});

export const releaseQuery = (name: string) =>
  queryOptions({
    queryKey: ["lab", "release", name],
    queryFn: () => lab.readRelease(name),
    refetchInterval: ({ state }) => (state.data?.state === "canary" ? LIVE_MS : CALM_MS),
    retry: false,
  });

/** What there is to learn from, and the turns, the newest first. */
export const flywheelQuery = queryOptions({
  queryKey: ["lab", "flywheel"],
  queryFn: lab.flywheel,
  refetchInterval: ({ state }) => (state.data?.turns.some(underWay) ? LIVE_MS : CALM_MS),
});

export const examplesQuery = (verdict: Verdict) =>
  infiniteQueryOptions({
    queryKey: ["lab", "examples", verdict],
    queryFn: ({ pageParam }) => lab.examples(verdict, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });

export const actsQuery = (target: string) =>
  queryOptions({
    queryKey: ["lab", "acts", target],
    queryFn: async () => (await lab.acts(target)).items,
  });

/** After an act: whatever the lab shows may be different. */
export const labChanged = () => queries.invalidateQueries({ queryKey: ["lab"] });
