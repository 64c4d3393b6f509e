import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft, Printer } from "lucide-react";
import { useEffect } from "react";
import { api, Problem } from "~/api/client";
import { branchTo, queries } from "~/api/queries";
import type { Conversation, Message } from "~/api/types";
import { assistantQuery } from "~/assistants/queries";
import { resultQuery } from "~/chat/parts/calls";
import type { Part, ToolStep } from "~/chat/parts/parts";
import { ThreadProblem } from "~/chat/ThreadProblem";
import { contentUrl } from "~/files/calls";
import { usedIn } from "~/knowledge/naming";
import { sourcesOf } from "~/knowledge/sources";
import { Waiting } from "~/settings/parts/Waiting";
import { useWhen } from "~/settings/parts/when";
import { Button, buttonLook } from "~/ui/Button";
import type { WebPage } from "./Quoted";
import { Reading } from "./Reading";
import { useSharingWords } from "./words";

interface Whole {
  conversation: Conversation;
  branch: readonly Message[];
  /** The names of the assistants that messages are by or said to, by their ids. */
  names: ReadonlyMap<string, string>;
  /** The web pages that replies were written from, by the replies' ids. */
  pages: ReadonlyMap<string, readonly WebPage[]>;
}

const partsOf = (message: Message) => (message.parts ?? []) as unknown as readonly Part[];

/** The web pages that the tools of a reply found, each once; without those whose results cannot be had. */
async function pagesOf(message: Message): Promise<WebPage[]> {
  const generation = message.generation_id;
  if (!generation) return [];
  const steps = partsOf(message).filter((part) => part.type === "tool" && part.result);
  const results = await Promise.allSettled(
    steps.map((step) => queries.fetchQuery(resultQuery(generation, (step as ToolStep).id))),
  );
  const links = results.flatMap((result) => (result.status === "fulfilled" ? result.value.links : []));
  return [...new Map(links.map((link) => [link.url, link])).values()];
}

/** A conversation with the branch that is shown, all of it. */
async function whole(id: string): Promise<Whole> {
  const { conversation, messages } = await api.conversation(id);
  const last = messages.at(-1);
  const branch = last ? await branchTo(last) : [];
  const ids = new Set(branch.flatMap(({ assistant_id }) => assistant_id ?? []));
  const found = await Promise.allSettled([...ids].map((each) => queries.fetchQuery(assistantQuery(each))));
  // Who is gone has no name any more.
  const there = found.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const pages = new Map<string, readonly WebPage[]>();
  for (const message of branch) pages.set(message.id, await pagesOf(message));
  return { conversation, branch, names: new Map(there.map(({ id, name }) => [id, name])), pages };
}

/** The branch that is shown as a document for paper, or for a PDF by the browser's print dialogue. */
export default function PrintPage() {
  const t = useSharingWords();
  const { id = "" } = useParams({ strict: false });
  const { day } = useWhen();
  const { data, error, refetch } = useQuery({ queryKey: ["print", id], queryFn: () => whole(id) });
  const title = data?.conversation.title;
  useEffect(() => {
    // The browser proposes it as the file's name.
    if (title) document.title = title;
  }, [title]);
  return (
    <div className="h-full overflow-y-auto print:h-auto print:overflow-visible">
      <main className="mx-auto max-w-(--measure) px-4 pt-6 pb-16 print:p-0">
        <div className="mb-8 flex items-center gap-3 print:hidden">
          <Link to="/c/$id" params={{ id }} className={buttonLook("quiet")}>
            <ArrowLeft aria-hidden className="size-4 rtl:-scale-x-100" strokeWidth={1.75} />
            {t.export.back}
          </Link>
          <Button className="ms-auto" disabled={!data} onClick={() => window.print()}>
            <Printer aria-hidden className="size-4" strokeWidth={1.75} />
            {t.export.print}
          </Button>
        </div>
        {data ? (
          <article data-print className="print:text-[0.8125rem]">
            <header className="mb-8 border-line border-b pb-4">
              <h1 dir="auto" className="text-balance break-words font-serif text-xl tracking-tight">
                {title}
              </h1>
              <p className="mt-1 text-muted text-sm">{day(data.conversation.updated_at)}</p>
            </header>
            <Reading
              messages={data.branch.map((message) => ({
                ...message,
                parts: message.parts ?? null,
                assistant: data.names.get(message.assistant_id ?? "") ?? null,
                sources: usedIn(message.content, sourcesOf(partsOf(message))),
                pages: data.pages.get(message.id) ?? [],
                files: (message.attachments ?? []).map((file) => ({
                  ...file,
                  picture: file.kind === "image" ? contentUrl(file.id) : null,
                })),
              }))}
            />
          </article>
        ) : error ? (
          <ThreadProblem
            missing={error instanceof Problem && error.status === 404}
            error={error}
            retry={() => refetch()}
          />
        ) : (
          <Waiting />
        )}
      </main>
    </div>
  );
}
