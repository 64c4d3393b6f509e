import type { components } from "./schema";

type Schemas = components["schemas"];

export type User = Schemas["UserOut"];
export type UserChange = Schemas["UserPatch"];
export type Model = Schemas["ModelOut"];
export type Bootstrap = Schemas["Bootstrap"];
export type Conversation = Schemas["ConversationOut"];
export type Conversations = Schemas["ConversationList"];
export type ConversationChange = Schemas["ConversationPatch"];
export type Message = Schemas["MessageOut"];
export type Generation = Schemas["GenerationOut"];
export type Failure = Schemas["MessageError"];

/** What a send or a regeneration began: the new messages, and the generation that writes the last of them. */
export type Started = Schemas["TurnOut"];

/** A conversation with all of its tree. */
export type Thread = Schemas["ConversationWithMessages"];

/** An error (RFC 9457), with what is wrong with each field of a form. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: { field: string; message: string }[];
}
