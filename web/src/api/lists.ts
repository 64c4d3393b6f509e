import type { InfiniteData, QueryKey } from "@tanstack/react-query";
import type { Conversation, Conversations } from "./types";

type ListData = InfiniteData<Conversations>;

/** Whether a conversation is in the list that is kept under `key` (`queries.ts` makes the keys). */
export function belongs([, scope, project]: QueryKey, conversation: Conversation): boolean {
  if (conversation.temporary) return false;
  if (scope === "archived") return conversation.archived;
  if (conversation.archived) return false;
  if (scope === "pinned") return conversation.pinned;
  if (scope === "recent") return !conversation.pinned && conversation.project_id === null;
  return project === null || conversation.project_id === project;
}

export function without(list: ListData, id: string): ListData {
  if (!list.pages.some((page) => page.items.some((item) => item.id === id))) return list;
  return {
    ...list,
    pages: list.pages.map((page) => ({ ...page, items: page.items.filter((item) => item.id !== id) })),
  };
}

/**
 * The list with a conversation in its place: by its last activity, and where the order is another one (pinned, archived)
 * where it was, or first. What would be behind the last page that is known comes with that page.
 */
export function placed(key: QueryKey, list: ListData, conversation: Conversation): ListData {
  if (!belongs(key, conversation)) return without(list, conversation.id);
  const ordered = key[1] !== "pinned" && key[1] !== "archived";
  const known = list.pages.some((page) => page.items.some((item) => item.id === conversation.id));
  if (!ordered && known)
    return {
      ...list,
      pages: list.pages.map((page) => ({
        ...page,
        items: page.items.map((item) => (item.id === conversation.id ? conversation : item)),
      })),
    };
  let waiting: Conversation | null = conversation;
  const pages = without(list, conversation.id).pages.map((page, index, all) => {
    if (!waiting) return page;
    const at = ordered ? page.items.findIndex((item) => item.updated_at <= conversation.updated_at) : 0;
    const last = index === all.length - 1;
    if (at < 0 && !(last && page.next === null)) return page;
    const items = page.items.toSpliced(at < 0 ? page.items.length : at, 0, waiting);
    waiting = null;
    return { ...page, items };
  });
  return { ...list, pages };
}
