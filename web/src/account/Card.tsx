import { type ReactNode, useEffect } from "react";
import { nameTab } from "~/alerts/unseen";
import { type Locale, languages, useLocale } from "~/i18n";
import { preferences } from "~/preferences";
import { Notices } from "~/shell/Notices";
import { Logo } from "~/ui/Logo";

/** A page for one who is not signed in: one thing to do, and the choice of language. */
export function Card({ title, lead, children }: { title: string; lead: ReactNode; children?: ReactNode }) {
  const locale = useLocale();
  useEffect(() => {
    nameTab(title);
  }, [title]);
  return (
    <div className="flex h-full flex-col overflow-y-auto px-5 pt-[max(1.5rem,env(safe-area-inset-top))] pb-[max(1rem,env(safe-area-inset-bottom))]">
      <div className="relative z-40 h-0">
        <Notices />
      </div>
      <main className="mx-auto my-auto w-full max-w-[23rem] py-8">
        <Logo className="mb-6 size-10" />
        <h1 className="text-balance font-serif text-xl tracking-tight">{title}</h1>
        <p className="mt-1.5 mb-7 text-pretty text-muted">{lead}</p>
        {children}
      </main>
      <footer className="flex justify-center gap-1 text-sm">
        {(Object.keys(languages) as Locale[]).map((each) => (
          <button
            key={each}
            type="button"
            lang={each}
            aria-pressed={each === locale}
            onClick={() => preferences.set("locale", each)}
            className="h-9 rounded-sm px-3 text-muted hover:bg-tint hover:text-ink aria-pressed:text-ink touch:h-11"
          >
            {languages[each]}
          </button>
        ))}
      </footer>
    </div>
  );
}
