import { createContext, use } from "react";
import type { Message, Model } from "~/api/types";
import type { Box } from "./box";
import type { Jump, Target } from "./useJump";
import type { Pending } from "./useReplies";

/** Something that went wrong here, and how to try again. */
export interface Trouble {
  problem: unknown;
  retry: () => void;
  /** Words of the composer that were not sent, to be put back into it. */
  unsent: string | null;
}

interface Shared {
  id: string | null;
  /** The messages that are shown, in a row. */
  messages: readonly Message[];
  /** Under which name what is not sent yet is kept. */
  draft: string | null;
  pending: Pending | null;
  /** The message that the reader asked to see. */
  target: Target | null;
  /** Goes to a message of the branch shown, wherever it is. */
  jump: Jump;
  /** Whether the last message shown is a reply being written. */
  running: boolean;
  trouble: Trouble | null;
  setTrouble: (trouble: Trouble | null) => void;
  model: Model | undefined;
  /** Undefined until they are known. */
  models: readonly Model[] | undefined;
  chooseModel: (name: string) => void;
  /** Has a reply made again, by another model when one is named, or one to a message that has none. */
  regenerate: (message: Message, model?: string) => Promise<void>;
  /** Whether anything comes before the messages that are here, and after them on the branch shown. */
  earlier: boolean;
  later: boolean;
  /** Fetches some of what comes before or after. Rejects when the server cannot be asked. */
  more: (where: "before" | "after") => Promise<void>;
  /** Fetches the end of the branch shown, where that is not here; its last message. */
  openEnd: () => Promise<string | null>;
  /** Shows a version of a message, with what follows it. */
  show: (version: string) => void;
  /** Says something else in the place of a message, to the assistant `to` where there is one. */
  edit: (message: Message, content: string, to: string | null) => void;
  /** Ends what is shown at a message, for the next one to follow it. */
  continueFrom: (message: Message | null) => void;
  /** Puts a person's words beside a reply. Rejects when the server does. */
  correct: (reply: Message, content: string) => Promise<void>;
  remove: (message: Message) => void;
  /** What is being written to be said next. */
  box: Box;
  /** Says something below what is shown, with the files that are chosen; without words, the files alone. */
  send: (content: string) => void;
  /** Stops the reply that is being written. */
  stop: () => void;
}

export const ConversationContext = createContext<Shared | null>(null);

export function useConversation(): Shared {
  const shared = use(ConversationContext);
  if (!shared) throw new Error("There is no conversation around this.");
  return shared;
}
