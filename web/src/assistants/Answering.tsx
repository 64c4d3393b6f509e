import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { AtSign, X } from "lucide-react";
import { Problem } from "~/api/client";
import { IconButton } from "~/ui/IconButton";
import { AssistantMark } from "./AssistantMark";
import { AssistantMenu } from "./AssistantMenu";
import { assistantQuery } from "./queries";
import { useAssistantWords } from "./words";

/** Over a conversation that was begun with an assistant: who answers, or that it is gone. */
export function AnsweringHeader({ id }: { id: string }) {
  const t = useAssistantWords();
  const { data: assistant, error } = useQuery(assistantQuery(id));
  if (error instanceof Problem && error.status === 404)
    return (
      <p className="flex-none text-pretty border-line border-b border-dashed px-4 py-2 text-center text-muted text-sm">
        {t.gone}
      </p>
    );
  if (!assistant) return null;
  return (
    <div className="mx-auto flex w-full max-w-(--measure) flex-none items-center gap-1 px-4 pt-1.5 max-lg:max-w-[46rem] md:pt-3">
      <Link
        to="/a/$assistant"
        params={{ assistant: id }}
        aria-label={t.talkTo(assistant.name)}
        className="-ms-2 flex min-h-9 min-w-0 items-center gap-2.5 rounded-sm px-2 text-sm hover:bg-tint touch:min-h-11"
      >
        <AssistantMark assistant={assistant} />
        <span className="min-w-0 truncate font-medium">{assistant.name}</span>
      </Link>
      <AssistantMenu assistant={assistant} />
    </div>
  );
}

/** Over a reply: by which assistant it is. */
export function AnsweredBy({ id }: { id: string }) {
  const { data: assistant } = useQuery(assistantQuery(id));
  if (!assistant) return null;
  return (
    <p className="mb-1.5 flex items-center gap-2 font-medium text-sm">
      <AssistantMark assistant={assistant} />
      {assistant.name}
    </p>
  );
}

/** Over a person's message: which assistant it is said to. `remove` has it be said to none. */
export function SaidTo({ id, remove }: { id: string; remove?: () => void }) {
  const t = useAssistantWords();
  const { data: assistant, error } = useQuery(assistantQuery(id));
  const gone = error instanceof Problem && error.status === 404;
  return (
    <p
      role={gone && remove ? "alert" : undefined}
      className={`flex min-h-7 min-w-0 items-center gap-1.5 text-sm ${gone && remove ? "text-danger" : "text-muted"}`}
    >
      <AtSign aria-hidden className="size-3.5 flex-none" strokeWidth={1.75} />
      {assistant && <AssistantMark assistant={assistant} />}
      <span dir="auto" className="min-w-0 truncate" title={assistant && t.saidTo(assistant.name)}>
        {assistant?.name ?? (gone ? t.goneMention : "")}
      </span>
      {remove && <IconButton label={t.sayToNone} icon={X} onClick={remove} small />}
    </p>
  );
}
