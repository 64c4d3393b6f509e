import type { components } from "./schema";

type Schemas = components["schemas"];

export type User = Schemas["UserOut"];
export type UserChange = Schemas["UserPatch"];
export type Model = Schemas["ModelOut"];
export type Bootstrap = Schemas["Bootstrap"];
export type Conversation = Schemas["ConversationOut"];
export type Conversations = Schemas["ConversationList"];
export type ConversationChange = Schemas["ConversationPatch"];
export type Project = Schemas["ProjectOut"];
export type ProjectBody = Schemas["ProjectBody"];
export type ProjectChange = Schemas["ProjectPatch"];
export type Correction = Schemas["CorrectionOut"];
export type Message = Schemas["MessageOut"];
export type Generation = Schemas["GenerationOut"];
export type Workspace = Schemas["WorkspaceOut"];
export type Found = Schemas["FoundOut"];
export type SearchResults = Schemas["SearchResults"];
export type Segment = Schemas["SegmentOut"];
export type Failure = Schemas["MessageError"];

/** What a send or a regeneration began: the new messages, and the generation that writes the last of them. */
export type Started = Schemas["TurnOut"];

/** Messages of one branch in a row. */
export type Run = Schemas["RunOut"];
export type MatchesList = Schemas["MatchesListOut"];

/** A conversation with a run of the branch that is shown. */
export type Thread = Schemas["ThreadOut"];

/** An error (RFC 9457), with what is wrong with each field of a form. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: { field: string; message: string }[];
}
