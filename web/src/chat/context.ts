import { createContext, use } from "react";
import type { Message, Model } from "~/api/types";
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
  pending: Pending | null;
  /** Whether the last message shown is a reply being written. */
  running: boolean;
  trouble: Trouble | null;
  setTrouble: (trouble: Trouble | null) => void;
  model: Model | undefined;
  /** Undefined until they are known. */
  models: readonly Model[] | undefined;
  chooseModel: (name: string) => void;
  regenerate: (reply: Message) => Promise<void>;
}

export const ConversationContext = createContext<Shared | null>(null);

export function useConversation(): Shared {
  const shared = use(ConversationContext);
  if (!shared) throw new Error("There is no conversation around this.");
  return shared;
}
