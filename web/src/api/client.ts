import { actingFor } from "./acting";
import { connection } from "./connection";
import { askedEarly } from "./early";
import type {
  Bootstrap,
  Conversation,
  ConversationChange,
  Conversations,
  Correction,
  Generation,
  Message,
  Model,
  ProblemDetails,
  Project,
  ProjectBody,
  ProjectChange,
  Run,
  Started,
  Thread,
  User,
  UserChange,
  Workspace,
} from "./types";

/** Anything the server refuses (RFC 9457), and `network` when it could not be asked at all. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  /** What is wrong with each field of a form, by the field's name. */
  readonly fields: ReadonlyMap<string, string>;
  /** Seconds after which the same request may succeed. */
  readonly retryAfter: number | null;

  constructor(
    status: number,
    code: string,
    detail: string,
    fields = new Map<string, string>(),
    retryAfter: number | null = null,
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.retryAfter = retryAfter;
  }

  static async from(response: Response): Promise<Problem> {
    const details: Partial<ProblemDetails> = await response.json().catch(() => ({}));
    const after = Number(response.headers.get("retry-after"));
    return new Problem(
      response.status,
      details.code ?? "http_error",
      details.detail ?? details.title ?? response.statusText,
      new Map(details.errors?.map(({ field, message }) => [field, message])),
      Number.isFinite(after) && after > 0 ? after : null,
    );
  }

  static network(): Problem {
    return new Problem(0, "network", "The server cannot be reached.");
  }
}

/** Which conversations a list has. */
export interface List {
  scope: "all" | "recent" | "pinned" | "archived";
  project?: string;
}

/** Where conversations are kept; what is left out stays. */
export interface Place {
  pinned?: boolean;
  archived?: boolean;
  project_id?: string | null;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Asked as oneself, so that they are answered even when one is in a workspace no more. */
const needsNoWorkspace = new Set(["/api/bootstrap", "/api/session", "/api/workspaces"]);

/** One request, made for whom one acts for. Rejects with a `Problem`. */
export async function call<T>(
  method: Method,
  path: string,
  body?: object,
  options: RequestInit = {},
): Promise<T> {
  const early = method === "GET" ? await askedEarly(path) : null;
  if (early !== null) {
    connection.found();
    return early as T;
  }
  let response: Response;
  try {
    response = await fetch(path, {
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...options,
      method,
      headers: {
        ...(needsNoWorkspace.has(path) ? {} : actingFor()),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers,
      },
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    connection.lost();
    throw Problem.network();
  }
  connection.found();
  if (!response.ok) throw await Problem.from(response);
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

export const id = encodeURIComponent;

/** Sent again under the same name, after an answer that never came, something is not begun twice. */
const under = (name: string): RequestInit => ({ headers: { "idempotency-key": name } });

/** The server's calls, one function each. All reject with a `Problem`. */
export const api = {
  bootstrap: () => call<Bootstrap>("GET", "/api/bootstrap"),
  setup: (owner: { token: string; name: string; email: string; password: string }) =>
    call<User>("POST", "/api/setup", owner),
  signOut: () => call<void>("DELETE", "/api/session"),
  changeUser: (change: UserChange) => call<User>("PATCH", "/api/user", change),
  workspaces: () => call<{ items: Workspace[] }>("GET", "/api/workspaces"),
  models: () => call<{ items: Model[] }>("GET", "/api/models"),

  conversations: (before: string | null, list: List = { scope: "all" }, limit = 200) =>
    call<Conversations>(
      "GET",
      `/api/conversations?limit=${limit}&scope=${list.scope}${list.project ? `&project=${id(list.project)}` : ""}${before ? `&before=${id(before)}` : ""}`,
    ),
  /** A conversation with the last messages of the branch shown, or with those around the message `at`. */
  conversation: (conversation: string, { at, signal }: { at?: string; signal?: AbortSignal } = {}) =>
    call<Thread>(
      "GET",
      `/api/conversations/${id(conversation)}${at ? `?at=${id(at)}` : ""}`,
      undefined,
      signal ? { signal } : {},
    ),
  /** What leads to a message. */
  before: (conversation: string, message: string, limit: number) =>
    call<Run>("GET", `/api/conversations/${id(conversation)}/messages?before=${id(message)}&limit=${limit}`),
  /** What follows a message on the branch of `end`. */
  after: (conversation: string, message: string, end: string, limit: number) =>
    call<Run>(
      "GET",
      `/api/conversations/${id(conversation)}/messages?after=${id(message)}&end=${id(end)}&limit=${limit}`,
    ),
  versions: (message: string) => call<{ items: Message[] }>("GET", `/api/messages/${id(message)}/versions`),
  startConversation: (
    first: {
      content: string;
      files?: string[];
      model?: string;
      project_id?: string;
      assistant_id?: string;
      mention?: string;
      temporary?: boolean;
    },
    name: string,
  ) => call<Started>("POST", "/api/conversations", first, under(name)),
  changeConversation: (conversation: string, change: ConversationChange) =>
    call<Conversation>("PATCH", `/api/conversations/${id(conversation)}`, change),
  changeConversations: (ids: readonly string[], place: Place) =>
    call<{ ids: string[] }>("PATCH", "/api/conversations", { ids, ...place }),
  /** Outlives the page, so that a deletion still waiting for "undo" is carried out when the tab closes. */
  deleteConversations: (ids: readonly string[]) =>
    call<void>("POST", "/api/conversations/delete", { ids }, { keepalive: true }),
  /** Says whether a temporary conversation is before somebody; outlives the page that closes. */
  holdOpen: (conversation: string, open: boolean) =>
    call<Conversation>("PATCH", `/api/conversations/${id(conversation)}`, { open }, { keepalive: true }),
  duplicate: (conversation: string, what: { until?: string; title?: string }) =>
    call<Conversation>("POST", `/api/conversations/${id(conversation)}/duplicate`, what),

  projects: () => call<{ items: Project[] }>("GET", "/api/projects"),
  createProject: (project: ProjectBody) => call<Project>("POST", "/api/projects", project),
  changeProject: (project: string, change: ProjectChange) =>
    call<Project>("PATCH", `/api/projects/${id(project)}`, change),
  deleteProject: (project: string, conversations: "keep" | "delete") =>
    call<void>("DELETE", `/api/projects/${id(project)}?conversations=${conversations}`),

  say: (
    conversation: string,
    message: {
      parent_id: string | null;
      content: string;
      files?: string[];
      model?: string;
      mention?: string;
    },
    name: string,
  ) => call<Started>("POST", `/api/conversations/${id(conversation)}/messages`, message, under(name)),
  regenerate: (message: string, choice: { model?: string }, name: string) =>
    call<Started>("POST", `/api/messages/${id(message)}/regenerate`, choice, under(name)),
  correct: (message: string, content: string) =>
    call<Correction>("POST", `/api/messages/${id(message)}/corrections`, { content }),
  /** Outlives the page, as above. */
  deleteMessage: (message: string) =>
    call<Conversation>("DELETE", `/api/messages/${id(message)}`, undefined, { keepalive: true }),
  stop: (generation: string) => call<Generation>("POST", `/api/generations/${id(generation)}/stop`),
};
