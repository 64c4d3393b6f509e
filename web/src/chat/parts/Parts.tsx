import type { Part } from "./parts";
import { Thinking, Vote } from "./Thinking";
import { ToolStep } from "./ToolStep";

/** The parts of a reply that come before a piece of its text. */
export function Parts({
  parts,
  generation,
  live,
}: {
  parts: readonly Part[];
  generation: string | null;
  live: boolean;
}) {
  return parts.map((part) =>
    part.type === "tool" ? (
      <ToolStep key={part.id} part={part} generation={generation} live={live} />
    ) : part.type === "thinking" ? (
      <Thinking key={part.began_at} part={part} live={live} />
    ) : part.type === "sources" ? null : (
      <Vote key="vote" part={part} live={live} />
    ),
  );
}
