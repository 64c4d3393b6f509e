import { ChevronsUpDown, Keyboard, LogOut } from "lucide-react";
import { useUser } from "~/account/useUser";
import { type Locale, languages, useLocale, useWords } from "~/i18n";
import { preferences, usePreference } from "~/preferences";
import { Menu, MenuChoices, MenuItem, MenuRule } from "~/ui/Menu";
import { chooseLocale, chooseTheme, signOut, type Theme } from "./settings";

/** The reader's name, and behind it how they like things. */
export function AccountMenu({ showShortcuts }: { showShortcuts: () => void }) {
  const t = useWords();
  const locale = useLocale();
  const user = useUser();
  const theme: Theme = usePreference("theme") ?? "system";
  const reading = usePreference("reading") ?? "sans";
  if (!user) return null;
  return (
    <Menu
      side="top"
      className="w-64"
      trigger={
        <button
          type="button"
          aria-label={`${user.name}. ${t.account.menu}`}
          className="flex h-12 w-full items-center gap-2.5 rounded-sm px-2 text-start text-sm transition-colors duration-100 hover:bg-tint data-[state=open]:bg-tint"
        >
          <span
            aria-hidden
            className="flex size-8 flex-none items-center justify-center rounded-full bg-accent-tint font-medium text-accent text-xs"
          >
            {initials(user.name)}
          </span>
          <span className="min-w-0 flex-1 leading-tight">
            <span className="block truncate font-medium">{user.name}</span>
            <span className="block truncate text-muted text-xs">{user.email}</span>
          </span>
          <ChevronsUpDown aria-hidden className="size-3.5 flex-none text-muted" />
        </button>
      }
    >
      <MenuChoices
        label={t.account.appearance}
        value={theme}
        choose={chooseTheme}
        choices={(["light", "dark", "system"] as const).map((value) => ({
          value,
          content: t.account[value],
        }))}
      />
      <MenuRule />
      <MenuChoices
        label={t.account.reading}
        value={reading}
        choose={(face) => preferences.set("reading", face === "serif" ? "serif" : null)}
        choices={[
          { value: "sans", content: t.account.sans },
          { value: "serif", content: <span className="font-serif">{t.account.serif}</span> },
        ]}
      />
      <MenuRule />
      <MenuChoices
        label={t.account.language}
        value={locale}
        choose={chooseLocale}
        choices={(Object.keys(languages) as Locale[]).map((value) => ({
          value,
          content: <span lang={value}>{languages[value]}</span>,
        }))}
      />
      <MenuRule />
      <MenuItem icon={Keyboard} onSelect={showShortcuts}>
        {t.account.shortcuts}
      </MenuItem>
      <MenuItem icon={LogOut} onSelect={signOut}>
        {t.account.signOut}
      </MenuItem>
    </Menu>
  );
}

function initials(name: string): string {
  const parts = name.trim().split(/\s+/);
  const letters = [parts[0], parts.length > 1 ? parts.at(-1) : undefined];
  return letters
    .map((part) => (part ? [...part][0] : ""))
    .join("")
    .toLocaleUpperCase();
}
