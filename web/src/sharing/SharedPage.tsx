import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { MessageSquarePlus } from "lucide-react";
import { useEffect } from "react";
import { useUser } from "~/account/useUser";
import { Problem } from "~/api/client";
import { explain } from "~/api/problems";
import { keep } from "~/api/queries";
import { type Locale, languages, useLocale, useWords } from "~/i18n";
import { notify } from "~/notices";
import { preferences } from "~/preferences";
import { useWhen } from "~/settings/parts/when";
import { Notices } from "~/shell/Notices";
import { Button, buttonLook } from "~/ui/Button";
import { Logo } from "~/ui/Logo";
import { Trouble } from "~/ui/Trouble";
import { pictureUrl, type Shared, sharedQuery, sharing } from "./queries";
import { Reading } from "./Reading";
import { useSharingWords } from "./words";

/** What a link leads to, for whoever has it: to be read, and to be gone on with by who is signed in. */
export default function SharedPage() {
  const all = useWords();
  const t = useSharingWords().page;
  const { token = "" } = useParams({ strict: false });
  const { data, error, refetch } = useQuery(sharedQuery(token));
  const gone = error instanceof Problem && error.status === 404;
  const busy = error instanceof Problem && error.status === 429;
  const title = data?.title ?? (gone ? t.goneTitle : t.shared);
  useEffect(() => {
    document.title = `${title} · Causette`;
    const robots = document.createElement("meta");
    robots.name = "robots";
    robots.content = "noindex, nofollow";
    document.head.append(robots);
    return () => robots.remove();
  }, [title]);
  return (
    <div className="flex h-full flex-col overflow-y-auto print:block print:h-auto print:overflow-visible">
      <div className="relative z-40 h-0">
        <Notices />
      </div>
      <header className="sticky top-0 z-10 flex-none border-line border-b bg-paper pt-[env(safe-area-inset-top)] print:hidden">
        <div className="mx-auto flex h-14 max-w-(--measure) items-center gap-3 px-4">
          <Link to="/" aria-label={t.home} className="flex items-center gap-2 rounded-sm">
            <Logo className="size-7" />
            <span className="font-serif text-lg max-sm:hidden">Causette</span>
          </Link>
          <div className="ms-auto">{data && <Continue token={token} shared={data} />}</div>
        </div>
      </header>
      <main className="mx-auto w-full max-w-(--measure) flex-1 px-4 pt-8 pb-16">
        {data ? (
          <article data-print>
            <Heading shared={data} />
            {data.messages.length > 0 ? (
              <Reading
                messages={data.messages.map((message) => ({
                  ...message,
                  files: message.attachments.map((file) => ({
                    ...file,
                    picture: file.kind === "image" ? pictureUrl(token, file.number) : null,
                  })),
                }))}
              />
            ) : (
              <p className="text-muted">{t.empty}</p>
            )}
          </article>
        ) : gone ? (
          <Gone token={token} />
        ) : error ? (
          <Trouble text={busy ? t.busy : explain(error, all)} retry={() => refetch()} />
        ) : (
          <div role="status" className="late space-y-4">
            <span className="sr-only">{all.app.loading}</span>
            <div className="skeleton h-8 w-2/3" />
            <div className="skeleton ms-auto h-11 w-2/5 rounded-lg" />
            <div className="skeleton h-4 w-full" />
            <div className="skeleton h-4 w-4/5" />
          </div>
        )}
      </main>
      <Footer />
    </div>
  );
}

function Heading({ shared }: { shared: Shared }) {
  const t = useSharingWords().page;
  const { day } = useWhen();
  return (
    <header className="mb-10 border-line border-b pb-6">
      <h1 dir="auto" className="text-balance break-words font-serif text-xl tracking-tight">
        {shared.title}
      </h1>
      <p className="mt-1.5 text-pretty text-muted text-sm">
        {[
          shared.author ? t.sharedBy(shared.author) : t.shared,
          ...(shared.workspace ? [t.inside] : []),
          t.asOf(day(shared.updated_at)),
        ].join(" · ")}
      </p>
      <p className="mt-1 text-pretty text-muted text-sm">{t.caution}</p>
    </header>
  );
}

function Continue({ token, shared }: { token: string; shared: Shared }) {
  const t = useSharingWords().page;
  const user = useUser();
  const navigate = useNavigate();
  const copying = useMutation({
    mutationFn: () => sharing.continueChat(token),
    onSuccess(conversation) {
      keep(conversation);
      navigate({ to: "/c/$id", params: { id: conversation.id } });
    },
    onError: () => notify(t.continueFailed),
  });
  if (shared.messages.length === 0) return null;
  if (!user)
    return (
      <Link to="/sign-in" search={{ next: `/s/${token}` }} className={buttonLook("outline")}>
        {t.signIn}
      </Link>
    );
  return (
    <Button disabled={copying.isPending} onClick={() => copying.mutate()}>
      <MessageSquarePlus aria-hidden className="size-4" strokeWidth={1.75} />
      {t.continue}
    </Button>
  );
}

function Gone({ token }: { token: string }) {
  const t = useSharingWords().page;
  const user = useUser();
  return (
    <div className="mx-auto max-w-md pt-[12vh] text-center">
      <h1 className="text-balance font-serif text-xl tracking-tight">{t.goneTitle}</h1>
      <p className="mt-2 mb-6 text-balance text-muted">{user ? t.gone : `${t.gone} ${t.goneInside}`}</p>
      {user ? (
        <Link to="/" className={buttonLook("primary")}>
          {t.home}
        </Link>
      ) : (
        <Link to="/sign-in" search={{ next: `/s/${token}` }} className={buttonLook("primary")}>
          {t.toSignIn}
        </Link>
      )}
    </div>
  );
}

function Footer() {
  const locale = useLocale();
  return (
    <footer className="flex flex-none justify-center gap-1 pb-[max(1rem,env(safe-area-inset-bottom))] text-sm print:hidden">
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
  );
}
