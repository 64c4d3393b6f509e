import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { AssistantMark } from "./AssistantMark";
import { assistantsQuery } from "./queries";
import { useAssistantWords } from "./words";

/** The assistants that one talked with last, a touch away. */
export function RecentAssistants({ chosen, className }: { chosen: () => void; className: string }) {
  const t = useAssistantWords();
  const { data } = useInfiniteQuery(assistantsQuery("recent"));
  const items = data?.pages[0]?.items ?? [];
  if (items.length === 0) return null;
  return (
    <ul aria-label={t.recent}>
      {items.map((assistant) => (
        <li key={assistant.id}>
          <Link
            to="/a/$assistant"
            params={{ assistant: assistant.id }}
            onClick={chosen}
            className={className}
            activeProps={{ className: "bg-tint-strong/70" }}
          >
            <AssistantMark assistant={assistant} />
            <span className="min-w-0 truncate">{assistant.name}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
