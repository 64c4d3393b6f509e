import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type DragEvent, useId, useState } from "react";
import { Choose } from "~/files/Choose";
import type { Holder } from "~/files/calls";
import { notify } from "~/notices";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Coming } from "./Coming";
import { KeptFile } from "./KeptFile";
import { keptQuery, stateOf, takeOut, tryAgain, underWay } from "./kept";
import { useComing } from "./useComing";
import { useKnowledgeWords } from "./words";

/** The files that a project's or an assistant's replies draw on: added by button or dropped, each with how far it is. */
export function KeptFiles({ holder, className = "" }: { holder: Holder; className?: string }) {
  const t = useKnowledgeWords().kept;
  const title = useId();
  const words = "project" in holder ? t.project : t.assistant;
  const cache = useQueryClient();
  const query = useQuery(keptQuery(holder));
  const changed = () => cache.invalidateQueries({ queryKey: ["files"] });
  const coming = useComing(holder, changed);
  const [over, setOver] = useState(false);
  const tried = (act: Promise<unknown>, done?: string) =>
    act
      .then(() => done && notify(done))
      .catch(() => notify(t.actFailed))
      .finally(changed);
  const kept = query.data ?? [];
  const busy = kept.filter(underWay).length;
  const failed = kept.filter((each) => stateOf(each).is === "failed").length;
  // The window takes what is dropped elsewhere for the next message.
  const dropping = {
    onDragEnter: (event: DragEvent) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      event.stopPropagation();
      setOver(true);
    },
    onDragOver: (event: DragEvent) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      event.stopPropagation();
    },
    onDragLeave: (event: DragEvent) => {
      event.stopPropagation();
      if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
    },
    onDrop: (event: DragEvent) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      event.stopPropagation();
      setOver(false);
      coming.add([...event.dataTransfer.files]);
    },
  };
  return (
    <section
      aria-labelledby={title}
      className={`rounded-md outline-2 outline-transparent outline-offset-8 transition-[outline-color] duration-100 ${over ? "bg-accent-tint outline-accent outline-dashed" : ""} ${className}`}
      {...dropping}
    >
      <h2 id={title} className={`font-medium ${"project" in holder ? "text-sm" : ""}`}>
        {words.title}
      </h2>
      <p className="mt-0.5 mb-3 text-pretty text-muted text-sm">{words.lead}</p>
      {query.error && !query.data ? (
        <Trouble text={t.missing} retry={() => query.refetch()} />
      ) : kept.length === 0 && coming.items.length === 0 ? (
        query.data && <p className="text-pretty text-muted text-sm">{words.empty}</p>
      ) : (
        <ul aria-labelledby={title} className="divide-y divide-line border-line border-y">
          {coming.items.map((each) => (
            <Coming
              key={each.key}
              coming={each}
              again={() => coming.send(each)}
              drop={() => coming.drop(each.key)}
            />
          ))}
          {kept.map((each) => (
            <KeptFile
              key={each.file.id}
              kept={each}
              retry={() => tried(tryAgain(each))}
              remove={() => tried(takeOut(each.file.id, holder), t.out)}
              removal={words.out(each.file.name)}
            />
          ))}
        </ul>
      )}
      <p role="status" className="sr-only">
        {busy > 0 ? t.busy(busy) : failed > 0 ? t.someFailed(failed) : kept.length > 0 ? t.allReady : ""}
      </p>
      <Choose chosen={coming.add}>
        {(open) => (
          <Button look="outline" className="mt-3" onClick={open}>
            <Plus aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
            {t.add}
          </Button>
        )}
      </Choose>
    </section>
  );
}
