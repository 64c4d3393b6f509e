import type { components } from "./schema";

type Schemas = components["schemas"];

export type User = Schemas["User"];
export type Model = Schemas["Model"];
export type Bootstrap = Schemas["Bootstrap"];
export type Conversation = Schemas["Conversation"];
export type Conversations = Schemas["Conversations"];
export type Message = Schemas["Message"];
export type Generation = Schemas["Generation"];
export type Started = Schemas["Started"];
export type Thread = Schemas["Thread"];
export type Failure = Schemas["Failure"];
export type UserChange = Schemas["UserChange"];
export type ConversationChange = Schemas["ConversationChange"];
export type ProblemDetails = Schemas["Problem"];
