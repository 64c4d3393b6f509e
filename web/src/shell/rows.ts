import type { Conversation, Project } from "~/api/types";

/** One line of the sidebar's list. All lines of a kind are equally high. */
export type Row =
  | { kind: "heading"; key: string; label: string; at: "pinned" | "projects" | "date" }
  | {
      kind: "conversation";
      key: string;
      conversation: Conversation;
      inside: boolean;
      at: "pinned" | "project" | "date";
    }
  | { kind: "project"; key: string; project: Project; open: boolean }
  | { kind: "all"; key: string; project: Project }
  | { kind: "more"; key: string };

export interface Groups {
  pinned: readonly Conversation[];
  projects: readonly { project: Project; open: boolean; few: readonly Conversation[]; more: boolean }[];
  dated: readonly { key: string; label: string; items: readonly Conversation[] }[];
  /** Whether there are older ones that are not here yet. */
  more: boolean;
}

/** The sidebar's lines from top to bottom: what is pinned, the projects, then everything else by date. */
export function rowsOf(groups: Groups, labels: { pinned: string; projects: string }): Row[] {
  const rows: Row[] = [];
  if (groups.pinned.length > 0) {
    rows.push({ kind: "heading", key: "pinned", label: labels.pinned, at: "pinned" });
    for (const conversation of groups.pinned)
      rows.push({
        kind: "conversation",
        key: `pinned ${conversation.id}`,
        conversation,
        inside: false,
        at: "pinned",
      });
  }
  rows.push({ kind: "heading", key: "projects", label: labels.projects, at: "projects" });
  for (const { project, open, few, more } of groups.projects) {
    rows.push({ kind: "project", key: project.id, project, open });
    if (!open) continue;
    for (const conversation of few)
      rows.push({
        kind: "conversation",
        key: `${project.id} ${conversation.id}`,
        conversation,
        inside: true,
        at: "project",
      });
    if (more) rows.push({ kind: "all", key: `${project.id} all`, project });
  }
  for (const group of groups.dated) {
    rows.push({ kind: "heading", key: group.key, label: group.label, at: "date" });
    for (const conversation of group.items)
      rows.push({ kind: "conversation", key: conversation.id, conversation, inside: false, at: "date" });
  }
  if (groups.more) rows.push({ kind: "more", key: "more" });
  return rows;
}

/** Where each row begins, and behind the last one where all of them end; in pixels. */
export function offsetsOf(rows: readonly Row[], line: number, heading: number): number[] {
  const offsets = [0];
  for (const row of rows) offsets.push((offsets.at(-1) ?? 0) + (row.kind === "heading" ? heading : line));
  return offsets;
}

/** The rows between two heights, with some more above and below: the first, and the one behind the last. */
export function between(
  offsets: readonly number[],
  top: number,
  bottom: number,
  spare: number,
): [number, number] {
  const count = offsets.length - 1;
  const at = (height: number) => {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((offsets[middle + 1] ?? 0) <= height) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return [Math.max(0, at(top) - spare), Math.min(count, at(bottom) + 1 + spare)];
}
