import { api, type Place } from "~/api/client";
import { branchTo, everyList, keep, knownConversation, queries, threadQuery } from "~/api/queries";
import type { Conversation, Project } from "~/api/types";
import { branchAsMarkdown } from "~/chat/asMarkdown";
import { treeWords } from "~/chat/words";
import { words } from "~/i18n";
import { dismiss, notify } from "~/notices";
import { copyText } from "~/ui/useCopy";
import { organiseWords } from "./words";

/** Conversations changed with one request, at most (the server's bound). */
const AT_ONCE = 500;

/** Puts conversations somewhere: here at once, on the server when it has heard of it. Whether that worked. */
async function place(ids: readonly string[], where: Place): Promise<boolean> {
  const before = ids.flatMap((id) => knownConversation(id) ?? []);
  for (const conversation of before) show({ ...conversation, ...where });
  try {
    for (let at = 0; at < ids.length; at += AT_ONCE)
      await api.changeConversations(ids.slice(at, at + AT_ONCE), where);
  } catch {
    for (const conversation of before) show(conversation);
    notify(organiseWords().failed);
    return false;
  }
  queries.invalidateQueries(everyList);
  return true;
}

function show(conversation: Conversation): void {
  keep(conversation);
  queries.setQueryData(
    threadQuery(conversation.id).queryKey,
    (thread) => thread && { ...thread, conversation: { ...thread.conversation, ...conversation } },
  );
}

/** Says what was done, with a way back. */
function told(text: string, back: () => unknown): void {
  const notice = notify(text, {
    label: words().sidebar.undo,
    run() {
      dismiss(notice);
      back();
    },
  });
}

export function pin(ids: readonly string[], pinned: boolean): Promise<boolean> {
  return place(ids, { pinned });
}

export async function archive(ids: readonly string[], archived = true): Promise<void> {
  const done = await place(ids, { archived });
  if (done && archived) told(organiseWords().archived(ids.length), () => archive(ids, false));
}

/** Moves conversations to a project, or with null out of the ones that they are in. */
export async function move(ids: readonly string[], project: Project | null): Promise<void> {
  const t = organiseWords();
  const before = new Map(ids.map((id) => [id, knownConversation(id)?.project_id ?? null]));
  if ([...before.values()].every((each) => each === (project?.id ?? null))) return;
  if (!(await place(ids, { project_id: project?.id ?? null }))) return;
  told(project ? t.moved(ids.length, project.name) : t.movedOut(ids.length), () => {
    for (const was of new Set(before.values()))
      place(
        ids.filter((id) => before.get(id) === was),
        { project_id: was },
      );
  });
}

/** Copies a conversation, whole or up to a message; the copy, or null when that did not work. */
export async function duplicate(id: string, until?: string): Promise<Conversation | null> {
  const t = organiseWords();
  const title = (knownConversation(id)?.title ?? words().sidebar.untitled).slice(0, 180);
  try {
    const copy = await api.duplicate(id, { title: t.copyOf(title), ...(until ? { until } : {}) });
    keep(copy);
    notify(t.duplicated);
    return copy;
  } catch {
    notify(t.failed);
    return null;
  }
}

/** Copies the branch of a conversation that is shown, as Markdown. */
export async function copyConversation(id: string): Promise<void> {
  try {
    const { conversation, messages } = await api.conversation(id);
    const last = messages.at(-1);
    const branch = last ? await branchTo(last) : [];
    await copyText(branchAsMarkdown(branch, treeWords(), conversation.title));
    notify(organiseWords().copied);
  } catch {
    notify(organiseWords().failed);
  }
}
