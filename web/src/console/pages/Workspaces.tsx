import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { admin } from "~/api/admin";
import type { PageProps } from "~/settings/Frame";
import { Page } from "~/settings/parts/Page";
import { AccountPage } from "../AccountPage";
import { List } from "../List";
import { usePlanTitle } from "../titles";
import { useConsoleWords } from "../words";

/** Everybody's workspaces; or one of them. */
export default function Workspaces({ item }: PageProps) {
  const t = useConsoleWords().workspaces;
  const planTitle = usePlanTitle();
  if (item) return <AccountPage key={item} id={item} up="workspaces" />;
  return (
    <Page title={t.title} lead={t.lead}>
      <List name="workspaces" label={t.title} hint={t.title} empty={t.empty} load={admin.workspaces}>
        {(workspace) => (
          <li key={workspace.id}>
            <Link
              to="/console/$page/$item"
              params={{ page: "workspaces", item: workspace.id }}
              className="-mx-2 flex items-center gap-4 rounded-sm px-2 py-3 transition-colors duration-100 hover:bg-tint"
            >
              <span className="min-w-0 flex-1 leading-snug">
                <span className="block break-words font-medium">{workspace.name}</span>
                <span className="block text-muted text-sm">{t.members(workspace.members)}</span>
              </span>
              <span className="text-muted text-sm">{planTitle(workspace.plan_id)}</span>
              <ChevronRight aria-hidden className="size-4 flex-none text-muted" />
            </Link>
          </li>
        )}
      </List>
    </Page>
  );
}
