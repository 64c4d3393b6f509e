import { Link, useParams } from "@tanstack/react-router";
import { Building2, ChartColumn, CreditCard, KeyRound, ScrollText, UsersRound } from "lucide-react";
import { lazy } from "react";
import { useUser } from "~/account/useUser";
import { useWords } from "~/i18n";
import { Frame, type Group } from "~/settings/Frame";
import { buttonLook } from "~/ui/Button";
import { type ConsoleWords, useConsoleWords } from "./words";

const People = lazy(() => import("./pages/People"));
const Workspaces = lazy(() => import("./pages/Workspaces"));
const Plans = lazy(() => import("./pages/Plans"));
const Keys = lazy(() => import("./pages/Keys"));
const Usage = lazy(() => import("./pages/Usage"));
const Audit = lazy(() => import("./pages/Audit"));

function pages(t: ConsoleWords): readonly Group[] {
  return [
    {
      label: t.groups.who,
      pages: [
        { path: "people", label: t.people.title, icon: UsersRound, View: People },
        { path: "workspaces", label: t.workspaces.title, icon: Building2, View: Workspaces },
        { path: "keys", label: t.keys.title, icon: KeyRound, View: Keys },
      ],
    },
    {
      label: t.groups.what,
      pages: [
        { path: "usage", label: t.usage.title, icon: ChartColumn, View: Usage, wide: true },
        { path: "plans", label: t.plans.title, icon: CreditCard, View: Plans, wide: true },
      ],
    },
    {
      label: t.groups.record,
      pages: [{ path: "audit", label: t.audit.title, icon: ScrollText, View: Audit }],
    },
  ];
}

/** The house, for those who run it. */
export function Console() {
  const all = useWords();
  const t = useConsoleWords();
  const user = useUser();
  const { page, item } = useParams({ strict: false });
  if (user?.role !== "owner")
    return (
      <main className="flex h-full flex-col items-center justify-center gap-2 px-6 text-center">
        <h1 className="font-serif text-lg">{t.notYours}</h1>
        <p className="mb-4 text-muted text-sm">{t.notYoursLead}</p>
        <Link to="/" className={buttonLook("primary")}>
          {all.settings.back}
        </Link>
      </main>
    );
  return <Frame base="/console" title={t.title} groups={pages(t)} page={page ?? null} item={item ?? null} />;
}
