import { AtSign } from "lucide-react";
import { Fragment, lazy, type ReactNode, Suspense } from "react";
import { Parts } from "~/chat/parts/Parts";
import { type Part, segments } from "~/chat/parts/parts";
import { Markdown } from "~/markdown/Markdown";
import type { ReadSource, WebPage } from "./Quoted";
import type { SharedMessage } from "./queries";
import { Shown, type ShownFile } from "./Shown";
import { useSharingWords } from "./words";

const Quoted = lazy(() => import("./Quoted"));

/** A message as it is read. */
export interface Read extends Omit<SharedMessage, "attachments" | "sources"> {
  files: readonly ShownFile[];
  sources: readonly ReadSource[];
  /** The web pages that a reply was written from. */
  pages?: readonly WebPage[];
}

interface Props {
  messages: readonly Read[];
}

/** A branch to be read: as in a conversation, with nothing to do to it. */
export function Reading({ messages }: Props) {
  const t = useSharingWords().page;
  return messages.map((message, index) => {
    const parts = (message.parts ?? []) as unknown as readonly Part[];
    const { content, sources, files, pages = [] } = message;
    if (content.trim() === "" && parts.length === 0 && files.length === 0) return null;
    return message.role === "user" ? (
      <section
        // biome-ignore lint/suspicious/noArrayIndexKey: a snapshot never changes
        key={index}
        data-role="user"
        className="mt-8 flex flex-col items-end first:mt-0"
      >
        <h2 className="sr-only">{t.you}</h2>
        {message.assistant && (
          <p className="mb-1 flex max-w-[85%] items-center gap-1.5 text-muted text-sm">
            <AtSign aria-hidden className="size-3.5 flex-none" strokeWidth={1.75} />
            <span dir="auto" className="min-w-0 truncate">
              {message.assistant}
            </span>
          </p>
        )}
        <Shown files={files} reply={false} />
        {content !== "" && (
          <div
            dir="auto"
            className="max-w-[85%] whitespace-pre-wrap rounded-lg rounded-ee-sm bg-tint px-4 py-2.5 [overflow-wrap:anywhere] sm:max-w-[75%] print:break-inside-avoid"
          >
            {content}
          </div>
        )}
      </section>
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: a snapshot never changes
      <section key={index} data-role="assistant" className="mt-6">
        <h2 className="sr-only">{t.assistant}</h2>
        {message.assistant && <p className="mb-1.5 font-medium text-sm">{message.assistant}</p>}
        <Cites sources={sources} pages={pages}>
          <div className="reply prose">
            {segments(content, parts).map(({ parts: before, text, key }) => (
              <Fragment key={key}>
                <Parts parts={before} generation={null} live={false} />
                {text !== "" && <Markdown text={text} writing={false} />}
              </Fragment>
            ))}
          </div>
        </Cites>
        <Shown files={files} reply />
        {message.model && <p className="mt-2 text-muted text-xs">{message.model}</p>}
      </section>
    );
  });
}

/** A reply with what it cites, if anything. */
function Cites({
  sources,
  pages,
  children,
}: {
  sources: readonly ReadSource[];
  pages: readonly WebPage[];
  children: ReactNode;
}) {
  if (sources.length === 0 && pages.length === 0) return children;
  return (
    <Suspense fallback={children}>
      <Quoted sources={sources} pages={pages}>
        {children}
      </Quoted>
    </Suspense>
  );
}
