import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { useSharingWords } from "~/sharing/words";
import { Frame } from "./Frame";
import { useMoneyWords } from "./money/words";
import { pages } from "./pages";
import { settingsWords, useSettingsWords } from "./words";

/** How one likes things, what one proves oneself with, and what one shares. */
export function Settings() {
  const t = useWords();
  const groups = pages(useSettingsWords(), useMoneyWords(), useSharingWords());
  const { page, item } = useParams({ strict: false });
  const { linked } = useSearch({ strict: false });
  const navigate = useNavigate();
  useEffect(() => {
    // Another service has sent the browser back here, with the account linked.
    if (!linked) return;
    notify(settingsWords().identities.linked);
    navigate({ to: "/settings/$page", params: { page: "security" }, replace: true });
  }, [linked, navigate]);
  return (
    <Frame
      base="/settings"
      title={t.settings.title}
      groups={groups}
      page={page ?? null}
      item={item ?? null}
    />
  );
}
