import { queryOptions } from "@tanstack/react-query";
import { call, id } from "~/api/client";
import type { components } from "~/api/schema";
import type { Conversation } from "~/api/types";

type Schemas = components["schemas"];

export type Share = Schemas["ShareOut"];
export type ShareBody = Schemas["ShareBody"];
export type Shared = Schemas["SharedConversationOut"];
export type SharedMessage = Schemas["SharedMessageOut"];

/** The calls about links to conversations. All reject with a `Problem`. */
export const sharing = {
  shares: () => call<Schemas["ShareList"]>("GET", "/api/shares"),
  share: (conversation: string, body: ShareBody) =>
    call<Share>("POST", `/api/conversations/${id(conversation)}/shares`, body),
  renew: (share: string) => call<Share>("POST", `/api/shares/${id(share)}/renew`),
  end: (share: string) => call<void>("DELETE", `/api/shares/${id(share)}`),
  endAll: () => call<void>("DELETE", "/api/shares"),
  read: (token: string) => call<Shared>("GET", `/api/shared/${id(token)}`),
  continueChat: (token: string) => call<Conversation>("POST", `/api/shared/${id(token)}/continue`),
};

/** Where a picture of what is shared is. */
export const pictureUrl = (token: string, number: number) => `/api/shared/${id(token)}/pictures/${number}`;

export const sharesQuery = queryOptions({ queryKey: ["shares"], queryFn: sharing.shares });

export const sharedQuery = (token: string) =>
  queryOptions({
    queryKey: ["shared", token],
    queryFn: () => sharing.read(token),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
