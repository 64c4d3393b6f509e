import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call, id } from "~/api/client";
import { queries } from "~/api/queries";
import type { components } from "~/api/schema";

type Schemas = components["schemas"];
export type Summary = Schemas["AssistantSummaryOut"];
export type CustomAssistant = Schemas["CustomAssistantOut"];
export type AssistantBody = Schemas["AssistantBody"];
export type Scope = "mine" | "workspaces" | "everybody" | "featured" | "recent" | "usable";
type Memory = Schemas["MemoryOut"];

const every = { queryKey: ["assistants"] };

export function assistantsQuery(scope: Scope, text = "") {
  return infiniteQueryOptions({
    queryKey: ["assistants", scope, text],
    queryFn: ({ pageParam }) =>
      call<Schemas["AssistantList"]>(
        "GET",
        `/api/assistants?scope=${scope}&limit=${scope === "recent" ? 4 : 24}${text ? `&q=${id(text)}` : ""}${pageParam ? `&before=${id(pageParam)}` : ""}`,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    staleTime: 60_000,
  });
}

/** One assistant; an error of status 404 where it is gone, or not shared any more. */
export function assistantQuery(assistant: string) {
  return queryOptions({
    queryKey: ["assistant", assistant],
    queryFn: () => call<CustomAssistant>("GET", `/api/assistants/${id(assistant)}`),
    staleTime: 60_000,
  });
}

function changed(assistant: CustomAssistant): CustomAssistant {
  queries.setQueryData(assistantQuery(assistant.id).queryKey, assistant);
  queries.invalidateQueries(every);
  return assistant;
}

export async function saveAssistant(known: string | null, body: AssistantBody): Promise<CustomAssistant> {
  return changed(
    known === null
      ? await call<CustomAssistant>("POST", "/api/assistants", body)
      : await call<CustomAssistant>("PATCH", `/api/assistants/${id(known)}`, body),
  );
}

/** Gives an assistant a picture, or takes it away. */
export async function setPicture(assistant: string, content: string | null): Promise<CustomAssistant> {
  return changed(await call<CustomAssistant>("PUT", `/api/assistants/${id(assistant)}/picture`, { content }));
}

export async function duplicateAssistant(assistant: string): Promise<CustomAssistant> {
  return changed(await call<CustomAssistant>("POST", `/api/assistants/${id(assistant)}/duplicate`, {}));
}

export async function featureAssistant(assistant: string, featured: boolean): Promise<CustomAssistant> {
  return changed(
    await call<CustomAssistant>("PUT", `/api/assistants/${id(assistant)}/featured`, { featured }),
  );
}

export async function deleteAssistant(assistant: string): Promise<void> {
  await call<void>("DELETE", `/api/assistants/${id(assistant)}`);
  queries.invalidateQueries({ queryKey: assistantQuery(assistant).queryKey });
  queries.invalidateQueries(every);
}

/** Somebody was talked with: the recent ones have another order. */
export function talkedWith(): void {
  queries.invalidateQueries({ queryKey: ["assistants", "recent"] });
}

/** What was remembered of a conversation. */
export function rememberedQuery(conversation: string) {
  return queryOptions({
    queryKey: ["remembered", conversation],
    queryFn: async () =>
      (await call<{ items: Memory[] }>("GET", `/api/conversations/${id(conversation)}/memories`)).items,
    staleTime: 300_000,
  });
}
