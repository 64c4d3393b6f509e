import { queryOptions, useMutation } from "@tanstack/react-query";
import { call, id } from "~/api/client";
import { queries } from "~/api/queries";
import type { components } from "~/api/schema";
import { notify } from "~/notices";
import { useFeedbackWords } from "./words";

type Schemas = components["schemas"];
export type Feedback = Schemas["FeedbackOut"];
export type Reason = Feedback["reasons"][number];
export type Rating = NonNullable<Feedback["rating"]>;
type Consent = Schemas["ConsentOut"];

/** What one said of a conversation's replies. */
export function feedbackQuery(conversation: string) {
  return queryOptions({
    queryKey: ["feedback", conversation],
    queryFn: async () =>
      (await call<Schemas["FeedbackList"]>("GET", `/api/conversations/${id(conversation)}/feedback`)).items,
    staleTime: 300_000,
  });
}

export const consentQuery = queryOptions({
  queryKey: ["training-consent"],
  queryFn: () => call<Consent>("GET", "/api/user/training-consent"),
  staleTime: 300_000,
});

/** Answers the question, as it is worded now. */
export function useConsent() {
  return useMutation({
    mutationFn: async (given: boolean) => {
      const { version } = await queries.ensureQueryData(consentQuery);
      return call<Consent>("PUT", "/api/user/training-consent", { given, version });
    },
    onSuccess: (consent) => queries.setQueryData(consentQuery.queryKey, consent),
    // The words may have changed since they were read.
    onError: () => queries.invalidateQueries({ queryKey: consentQuery.queryKey }),
  });
}

export interface Opinion {
  rating: Rating;
  reasons?: Reason[];
  comment?: string;
}

/** Says what one thinks of a conversation's replies, and takes it back. What goes wrong is told. */
export function useFeedback(conversation: string) {
  const t = useFeedbackWords();
  const key = feedbackQuery(conversation).queryKey;
  const keep = (said: Feedback) =>
    queries.setQueryData(key, (all: Feedback[] = []) => [...all.filter((each) => each.id !== said.id), said]);
  const onError = () => notify(t.failed);
  return {
    rate: useMutation({
      mutationFn: ({ message, ...opinion }: Opinion & { message: string }) =>
        call<Feedback>("PUT", `/api/messages/${id(message)}/rating`, opinion),
      onSuccess: keep,
      onError,
    }),
    prefer: useMutation({
      mutationFn: ({ message, over }: { message: string; over: string }) =>
        call<Feedback>("PUT", `/api/messages/${id(message)}/preference`, { over }),
      onSuccess: keep,
      onError,
    }),
    takeBack: useMutation({
      mutationFn: (said: Feedback) => call<void>("DELETE", `/api/feedback/${id(said.id)}`),
      onSuccess: (_, said) =>
        queries.setQueryData(key, (all: Feedback[] = []) => all.filter((each) => each.id !== said.id)),
      onError,
    }),
  };
}
