import { queryOptions } from "@tanstack/react-query";
import { call } from "~/api/client";
import type { components } from "~/api/schema";

export type Excerpt = components["schemas"]["ExcerptOut"];
export type KnowledgeDocument = components["schemas"]["DocumentOut"];

export const excerptQuery = (file: string, around: number, conversation: string) =>
  queryOptions({
    queryKey: ["knowledge", file, around],
    queryFn: () =>
      call<Excerpt>(
        "GET",
        `/api/knowledge/${encodeURIComponent(file)}?around=${around}&conversation_id=${encodeURIComponent(conversation)}`,
      ),
    staleTime: 60_000,
    retry: false,
  });
