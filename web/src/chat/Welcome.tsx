import type { ReactNode } from "react";
import { useUser } from "~/account/useUser";
import { useNow, useWords } from "~/i18n";
import { useOrganiseWords } from "~/organise/words";
import { useConversation } from "./context";
import { drafts } from "./drafts";

/** The empty state: a greeting, the place to write, and a few ideas. */
export function Welcome({ children, temporary = false }: { children: ReactNode; temporary?: boolean }) {
  const t = useWords();
  const o = useOrganiseWords();
  const { box } = useConversation();
  const user = useUser();
  const hour = new Date(useNow()).getHours();
  const greet =
    hour < 5 || hour >= 18 ? t.welcome.evening : hour < 12 ? t.welcome.morning : t.welcome.afternoon;
  const start = (text: string) => {
    box.write(text);
    drafts.set(null, text);
    const input = document.querySelector<HTMLTextAreaElement>("[data-composer]");
    input?.focus();
    input?.setSelectionRange(text.length, text.length);
  };
  return (
    <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
      <div className="mx-auto my-auto w-full max-w-[42rem] px-4 py-8 max-md:mt-auto max-md:mb-0 max-md:pb-[max(1rem,env(safe-area-inset-bottom))]">
        <h1 className="text-balance font-serif text-xl tracking-tight">{greet(firstName(user?.name))}</h1>
        <p className="mb-6 text-balance font-serif text-muted text-xl tracking-tight">
          {temporary ? o.temporaryTitle : t.welcome.invitation}
        </p>
        <div className="max-md:order-last">{children}</div>
        {temporary && <p className="mt-4 text-balance text-muted text-sm">{o.temporaryNote}</p>}
        <section aria-label={t.welcome.starters} className="mt-6" hidden={temporary}>
          <ul className="grid sm:grid-cols-2 sm:gap-x-8">
            {t.welcome.ideas.map(({ title, text }) => (
              <li key={title} className="border-line border-t">
                <button
                  type="button"
                  onClick={() => start(text)}
                  className="group -mx-2 block w-[calc(100%+1rem)] rounded-sm px-2 py-3 text-start"
                >
                  <span className="block font-medium text-sm group-hover:text-accent">{title}</span>
                  <span className="line-clamp-2 text-muted text-sm">{text}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </div>
  );
}

function firstName(name: string | undefined): string {
  return name?.trim().split(/\s+/)[0] ?? "";
}
