import { useQuery } from "@tanstack/react-query";
import { Command } from "./Command";
import { stagesQuery } from "./queries";
import { useLabWords } from "./words";

/** Without the lab's libraries: what to install. Else nothing. */
export function Missing() {
  const t = useLabWords().missing;
  const { data } = useQuery(stagesQuery);
  if (!data || data.missing.length === 0) return null;
  return (
    <section aria-label={t.title} className="rounded-md border border-line bg-sunken px-5 py-4">
      <h2 className="font-medium text-base">{t.title}</h2>
      <p className="mt-1 mb-3 text-pretty text-muted text-sm">{t.text(data.missing.join(", "))}</p>
      <Command text={data.install} />
    </section>
  );
}
