import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { admin } from "~/api/admin";
import type { PageProps } from "~/settings/Frame";
import { Page } from "~/settings/parts/Page";
import { Mark } from "~/settings/parts/Rows";
import { AccountPage } from "../AccountPage";
import { List } from "../List";
import { usePlanTitle } from "../titles";
import { useConsoleWords } from "../words";

/** Everybody with an account; or one of them. */
export default function People({ item }: PageProps) {
  const t = useConsoleWords().people;
  const planTitle = usePlanTitle();
  if (item) return <AccountPage key={item} id={item} up="people" />;
  return (
    <Page title={t.title} lead={t.lead}>
      <List name="people" label={t.title} hint={t.searchHint} empty="" load={admin.people}>
        {(person) => (
          <li key={person.id}>
            <Link
              to="/console/$page/$item"
              params={{ page: "people", item: person.id }}
              className="-mx-2 flex items-center gap-4 rounded-sm px-2 py-3 transition-colors duration-100 hover:bg-tint"
            >
              <span className="min-w-0 flex-1 leading-snug">
                <span className="flex flex-wrap items-center gap-x-2.5 font-medium">
                  {person.name}
                  {person.role === "owner" && <Mark>{t.owner}</Mark>}
                  {person.disabled_at && <Mark>{t.disabled}</Mark>}
                </span>
                <span className="block break-words text-muted text-sm">{person.email}</span>
              </span>
              <span className="text-muted text-sm">{planTitle(person.plan_id)}</span>
              <ChevronRight aria-hidden className="size-4 flex-none text-muted" />
            </Link>
          </li>
        )}
      </List>
    </Page>
  );
}
