import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { NotebookPen } from "lucide-react";
import type { Message } from "~/api/types";
import { rememberedQuery } from "./queries";
import { useAssistantWords } from "./words";

/** Under a reply: that something of the message it answers was remembered, and the way to the list. */
export function Remembered({ message }: { message: Message }) {
  const t = useAssistantWords();
  const { data } = useQuery(rememberedQuery(message.conversation_id));
  const of = data?.filter(({ message_id }) => message_id !== null && message_id === message.parent_id);
  if (!of?.length) return null;
  return (
    <p className="mt-2">
      <Link
        to="/settings/$page"
        params={{ page: "personalisation" }}
        hash="memory"
        title={t.memory.hint(of.map(({ text }) => text).join(" "))}
        className="-ms-1 inline-flex items-center gap-1.5 rounded-sm px-1 py-0.5 text-muted text-sm hover:text-ink"
      >
        <NotebookPen aria-hidden className="size-3.5" strokeWidth={1.75} />
        {t.memory.updated}
      </Link>
    </p>
  );
}
