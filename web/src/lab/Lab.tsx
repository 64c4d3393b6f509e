import { Link, useParams } from "@tanstack/react-router";
import { Boxes, FlaskConical, GitCompareArrows, RefreshCw, Rocket, SquarePlus } from "lucide-react";
import { lazy } from "react";
import { useUser } from "~/account/useUser";
import { useWords } from "~/i18n";
import { Frame, type Group } from "~/settings/Frame";
import { buttonLook } from "~/ui/Button";
import { type LabWords, useLabWords } from "./words";

const Runs = lazy(() => import("./pages/Runs"));
const Start = lazy(() => import("./pages/Start"));
const Compare = lazy(() => import("./pages/Compare"));
const Flywheel = lazy(() => import("./pages/Flywheel"));
const Models = lazy(() => import("./pages/Models"));
const Releases = lazy(() => import("./pages/Releases"));

function pages(t: LabWords): readonly Group[] {
  return [
    {
      label: t.groups.make,
      pages: [
        { path: "runs", label: t.runs.title, icon: FlaskConical, View: Runs, wide: true },
        { path: "start", label: t.start.title, icon: SquarePlus, View: Start },
        { path: "compare", label: t.compare.title, icon: GitCompareArrows, View: Compare, wide: true },
        { path: "flywheel", label: t.flywheel, icon: RefreshCw, View: Flywheel, wide: true },
      ],
    },
    {
      label: t.groups.serve,
      pages: [
        { path: "models", label: t.models.title, icon: Boxes, View: Models, wide: true },
        { path: "releases", label: t.releases.title, icon: Rocket, View: Releases },
      ],
    },
  ];
}

/** Where models are made, measured and released, by those who run the house. */
export function Lab() {
  const all = useWords();
  const t = useLabWords();
  const user = useUser();
  const { page, item } = useParams({ strict: false });
  if (user?.role !== "owner")
    return (
      <main className="flex h-full flex-col items-center justify-center gap-2 px-6 text-center">
        <h1 className="text-balance font-serif text-lg">{t.notYours}</h1>
        <p className="mb-4 text-muted text-sm">{t.notYoursLead}</p>
        <Link to="/" className={buttonLook("primary")}>
          {all.settings.back}
        </Link>
      </main>
    );
  return <Frame base="/lab" title={t.title} groups={pages(t)} page={page ?? null} item={item ?? null} />;
}
