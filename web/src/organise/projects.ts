import { api } from "~/api/client";
import { projectsQuery, queries } from "~/api/queries";
import type { Project, ProjectBody } from "~/api/types";
import type { Locale } from "~/i18n";

export const colours = ["terracotta", "amber", "olive", "green", "teal", "blue", "violet", "rose"] as const;

/** By name, as the reader's language sorts them. */
export function inOrder(projects: readonly Project[], locale: Locale): Project[] {
  const { compare } = new Intl.Collator(locale, { numeric: true, sensitivity: "base" });
  return projects.toSorted((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
}

/** Makes a project, or changes one, here and on the server. */
export async function saveProject(id: string | null, body: ProjectBody): Promise<Project> {
  const saved = id === null ? await api.createProject(body) : await api.changeProject(id, body);
  queries.setQueryData(projectsQuery.queryKey, (known) =>
    known ? [...known.filter((each) => each.id !== saved.id), saved] : known,
  );
  queries.invalidateQueries({ queryKey: projectsQuery.queryKey });
  return saved;
}
