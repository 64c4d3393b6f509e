import { Link } from "@tanstack/react-router";
import { useWords } from "~/i18n";

/** The way to the page that says how far the plan is used, and what others there are. */
export function ToPlan() {
  const t = useWords();
  return (
    <Link
      to="/settings/$page"
      params={{ page: "plan" }}
      className="relative inline-flex h-8 flex-none items-center rounded-sm px-2.5 font-medium text-danger hover:bg-raised touch:before:absolute touch:before:-inset-1.5"
    >
      {t.message.toPlan}
    </Link>
  );
}
