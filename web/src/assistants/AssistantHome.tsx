import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { useConversation } from "~/chat/context";
import { drafts } from "~/chat/drafts";
import { useWords } from "~/i18n";
import { buttonLook } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { AssistantMark } from "./AssistantMark";
import { AssistantMenu } from "./AssistantMenu";
import { assistantQuery } from "./queries";
import { useAssistantWords } from "./words";

/** Where a conversation with an assistant begins: who it is, and what one may say to it. */
export function AssistantHome({
  id,
  children,
  bare = false,
}: {
  id: string;
  children: ReactNode;
  /** Beside its own settings, where there is nothing to be done with it. */
  bare?: boolean;
}) {
  const t = useAssistantWords();
  const all = useWords();
  const { draft, box } = useConversation();
  const { data: assistant, error, refetch } = useQuery(assistantQuery(id));
  useEffect(() => {
    if (assistant && !bare) document.title = `${assistant.name} · Causette`;
  }, [assistant, bare]);
  const missing = error instanceof Problem && error.status === 404;
  if (missing || (!assistant && error))
    return missing ? (
      <div role="alert" className="m-auto max-w-sm px-6 py-12 text-center">
        <h1 className="font-serif text-lg">{t.missing}</h1>
        <p className="mt-2 mb-6 text-balance text-muted text-sm">{t.missingHint}</p>
        <Link to="/assistants" className={buttonLook("primary")}>
          {t.all}
        </Link>
      </div>
    ) : (
      <div className="m-auto w-full max-w-md px-4">
        <Trouble text={explain(error, all)} retry={() => refetch()} />
      </div>
    );
  if (!assistant) return null;
  const start = (text: string) => {
    box.write(text);
    drafts.set(draft, text);
    const input = document.querySelector<HTMLTextAreaElement>("[data-composer]");
    input?.focus();
    input?.setSelectionRange(text.length, text.length);
  };
  return (
    <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
      <div className="mx-auto my-auto w-full max-w-[42rem] px-4 py-8 max-md:mb-0 max-md:pb-[max(1rem,env(safe-area-inset-bottom))]">
        <header className="mb-6 text-center">
          <div className="flex justify-center">
            <AssistantMark assistant={assistant} size="large" />
          </div>
          <h1 className="mt-4 text-balance break-words font-serif text-xl tracking-tight">
            {assistant.name}
          </h1>
          {assistant.description && (
            <p className="mx-auto mt-1 max-w-md text-pretty text-muted">{assistant.description}</p>
          )}
          {!bare && (
            <div className="mt-2 flex items-center justify-center gap-1 text-muted text-sm">
              <span>{assistant.mine ? t.sharing[assistant.sharing] : t.by(assistant.owner_name)}</span>
              <AssistantMenu assistant={assistant} gone={() => refetch()} />
            </div>
          )}
        </header>
        <div className="max-md:order-last">{children}</div>
        {assistant.starters.length > 0 && (
          <section aria-label={t.starters} className="mt-6">
            <ul className={`grid ${bare ? "" : "sm:grid-cols-2"} sm:gap-x-8`}>
              {assistant.starters.map((text) => (
                <li key={text} className="border-line border-t">
                  <button
                    type="button"
                    onClick={() => start(text)}
                    className="-mx-2 block min-h-11 w-[calc(100%+1rem)] rounded-sm px-2 py-3 text-start text-sm hover:text-accent"
                  >
                    <span className="line-clamp-2" dir="auto">
                      {text}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </div>
  );
}
