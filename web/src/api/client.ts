import { connection } from "./connection";
import type {
  Bootstrap,
  Conversation,
  ConversationChange,
  Conversations,
  Generation,
  Model,
  ProblemDetails,
  Started,
  Thread,
  User,
  UserChange,
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

type Method = "GET" | "POST" | "PATCH" | "DELETE";

async function call<T>(method: Method, path: string, body?: object, options: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      ...options,
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

const id = encodeURIComponent;

/** The server's calls, one function each. All reject with a `Problem`. */
export const api = {
  bootstrap: () => call<Bootstrap>("GET", "/api/bootstrap"),
  setup: (owner: { token: string; name: string; email: string; password: string }) =>
    call<User>("POST", "/api/setup", owner),
  signIn: (credentials: { email: string; password: string }) =>
    call<User>("POST", "/api/session", credentials),
  signOut: () => call<void>("DELETE", "/api/session"),
  changeUser: (change: UserChange) => call<User>("PATCH", "/api/user", change),
  models: () => call<{ items: Model[] }>("GET", "/api/models"),

  conversations: (before: string | null, limit = 50) =>
    call<Conversations>("GET", `/api/conversations?limit=${limit}${before ? `&before=${id(before)}` : ""}`),
  conversation: (conversation: string, signal?: AbortSignal) =>
    call<Thread>("GET", `/api/conversations/${id(conversation)}`, undefined, signal ? { signal } : {}),
  startConversation: (first: { content: string; model?: string }) =>
    call<Started>("POST", "/api/conversations", first),
  changeConversation: (conversation: string, change: ConversationChange) =>
    call<Conversation>("PATCH", `/api/conversations/${id(conversation)}`, change),
  /** Outlives the page, so that a deletion still waiting for "undo" is carried out when the tab closes. */
  deleteConversation: (conversation: string) =>
    call<void>("DELETE", `/api/conversations/${id(conversation)}`, undefined, { keepalive: true }),

  say: (conversation: string, message: { parent_id: string | null; content: string; model?: string }) =>
    call<Started>("POST", `/api/conversations/${id(conversation)}/messages`, message),
  regenerate: (message: string, choice: { model?: string }) =>
    call<Started>("POST", `/api/messages/${id(message)}/regenerate`, choice),
  stop: (generation: string) => call<Generation>("POST", `/api/generations/${id(generation)}/stop`),
};
