import { Folder } from "lucide-react";
import type { Project } from "~/api/types";

/** What a project is known by: its emoji, or a folder in its colour. */
export function ProjectMark({
  project,
  large = false,
}: {
  project: Pick<Project, "emoji" | "colour">;
  large?: boolean;
}) {
  if (project.emoji)
    return (
      <span
        aria-hidden
        className={`flex-none text-center leading-none ${large ? "w-8 text-xl" : "w-4 text-sm"}`}
      >
        {project.emoji}
      </span>
    );
  return (
    <Folder
      aria-hidden
      className={`flex-none ${large ? "size-7" : "size-4"}`}
      strokeWidth={1.75}
      style={{ color: `var(--mark-${project.colour})` }}
    />
  );
}
