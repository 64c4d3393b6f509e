import { useQuery } from "@tanstack/react-query";
import { BadgeCheck, ThumbsDown, ThumbsUp } from "lucide-react";
import { threadQuery } from "~/api/queries";
import type { Message } from "~/api/types";
import { IconButton } from "~/ui/IconButton";
import { feedbackQuery, type Rating, useFeedback } from "./queries";
import { useFeedbackWords } from "./words";

interface Props {
  message: Message;
  /** Told of a rating that was just given, or taken back. */
  rated: (rating: Rating | null) => void;
}

/** What one thinks of a reply; one's own correction is marked as better than what it corrects. */
export function Thumbs({ message, rated }: Props) {
  const t = useFeedbackWords();
  const conversation = message.conversation_id;
  const temporary = useQuery({
    ...threadQuery(conversation),
    enabled: false,
    select: (thread) => thread.conversation.temporary,
  }).data;
  const said = useQuery({ ...feedbackQuery(conversation), enabled: temporary === false }).data ?? [];
  const { rate, prefer, takeBack } = useFeedback(conversation);
  if (temporary !== false || message.content === "") return null;

  const over = message.corrects_id;
  if (over !== null) {
    const marked = said.find((each) => each.kind === "correction" && each.message_id === message.id);
    return (
      <IconButton
        label={t.better}
        icon={BadgeCheck}
        pressed={marked !== undefined}
        disabled={prefer.isPending || takeBack.isPending}
        onClick={() => (marked ? takeBack.mutate(marked) : prefer.mutate({ message: message.id, over }))}
        small
      />
    );
  }
  const given = said.find((each) => each.kind === "rating" && each.message_id === message.id);
  const toggle = (rating: Rating) => {
    if (given?.rating === rating) takeBack.mutate(given, { onSuccess: () => rated(null) });
    else rate.mutate({ message: message.id, rating }, { onSuccess: () => rated(rating) });
  };
  const busy = rate.isPending || takeBack.isPending;
  return (["up", "down"] as const).map((rating) => (
    <IconButton
      key={rating}
      label={t[rating]}
      icon={rating === "up" ? ThumbsUp : ThumbsDown}
      pressed={given?.rating === rating}
      aria-disabled={busy}
      onClick={() => !busy && toggle(rating)}
      small
    />
  ));
}
