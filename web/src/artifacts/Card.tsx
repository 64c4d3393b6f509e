import { AppWindow, ChartNetwork, Component, FileCode, FileText, Image, type LucideIcon } from "lucide-react";
import { useEffect, useMemo } from "react";
import type { Message } from "~/api/types";
import { useConversation } from "~/chat/context";
import { useLive } from "~/chat/live";
import { useLocale } from "~/i18n";
import { type Artifact, type Kind, type Version, versionsIn, versionsOf } from "./find";
import { panel, useOpened } from "./open";
import { useArtifactWords } from "./words";

const icons: Record<Kind, LucideIcon> = {
  page: AppWindow,
  picture: Image,
  diagram: ChartNetwork,
  component: Component,
  document: FileText,
  code: FileCode,
};

/** Where a block of a reply stands among all that the conversation made. */
export function useVersion(message: Message, artifact: Artifact): { version: Version; number: number } {
  const { messages } = useConversation();
  const live = useLive(message.id);
  const text = message.status === "streaming" && live ? live.text : message.content;
  return useMemo(() => {
    const until = messages.findIndex(({ id }) => id === message.id) + 1;
    const all = versionsIn(repliesOf(messages.slice(0, until), message.id, text));
    const own = all.filter((each) => each.message === message.id);
    const same = (each: Version) => each.source.trimEnd() === artifact.source.trimEnd();
    const version = own.find(same) ??
      own.at(-1) ?? { ...artifact, message: message.id, place: 0, key: artifact.kind };
    return { version, number: versionsOf(all, version).indexOf(version) + 1 };
  }, [messages, message, text, artifact]);
}

/** The replies of a branch as far as it is here, one of them as far as it is written. */
export function repliesOf(
  messages: readonly Message[],
  writing: string | undefined,
  text: string,
): { id: string; text: string }[] {
  return messages
    .filter(({ role }) => role === "assistant")
    .map(({ id, content }) => ({ id, text: id === writing ? text : content }));
}

/** A block that makes something, as a card that opens it. */
export function Card({ artifact, message }: { artifact: Artifact; message: Message }) {
  const t = useArtifactWords();
  const locale = useLocale();
  const { version, number } = useVersion(message, artifact);
  const opened = useOpened();
  const writing = message.status === "streaming" && !version.whole;
  const title = version.title || t.untitled[version.kind];
  const isOpen = opened?.message === version.message && opened.place === version.place;
  const Icon = icons[artifact.kind];

  // biome-ignore lint/correctness/useExhaustiveDependencies: offered once, when it begins
  useEffect(() => {
    if (writing) panel.offer(version);
  }, [writing]);

  return (
    <button
      type="button"
      aria-label={t.open(title)}
      aria-pressed={isOpen}
      data-artifact={artifact.kind}
      onClick={() => (isOpen ? panel.close() : panel.open(version))}
      className="my-4 flex w-full max-w-md items-center gap-3 rounded-md border border-line bg-raised p-3 text-start shadow-soft transition-colors duration-100 hover:bg-tint aria-pressed:border-accent"
    >
      <span className="flex size-10 flex-none items-center justify-center rounded-sm bg-accent-tint text-accent">
        <Icon
          aria-hidden
          strokeWidth={1.75}
          className={`size-5 ${writing ? "animate-[breathe_1.2s_ease-in-out_infinite]" : ""}`}
        />
      </span>
      <span className="min-w-0">
        <span className="block truncate font-medium text-sm">{title}</span>
        <span className="block truncate text-muted text-xs">
          {t.kinds[artifact.kind]} · {writing ? t.writing : t.version(number.toLocaleString(locale))}
        </span>
      </span>
    </button>
  );
}
