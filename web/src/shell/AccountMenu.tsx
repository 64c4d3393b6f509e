import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ChevronsUpDown, FlaskConical, Gauge, Keyboard, LogOut, Settings } from "lucide-react";
import { useUser } from "~/account/useUser";
import { actAs, workspacesQuery } from "~/api/queries";
import { useWords } from "~/i18n";
import { usePreference } from "~/preferences";
import { Menu, MenuChoices, MenuItem, MenuRule } from "~/ui/Menu";
import { signOut } from "./settings";

const YOURSELF = "yourself";

/** The reader's name, for whom they act, and behind it the way to the settings and out. */
export function AccountMenu({ showShortcuts }: { showShortcuts: () => void }) {
  const t = useWords();
  const navigate = useNavigate();
  const user = useUser();
  const { data: workspaces } = useQuery(workspacesQuery);
  const acting = usePreference("workspace");
  const workspace = workspaces?.find(({ id }) => id === acting);
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
            <span className="block truncate text-muted text-xs">{workspace?.name ?? user.email}</span>
          </span>
          <ChevronsUpDown aria-hidden className="size-3.5 flex-none text-muted" />
        </button>
      }
    >
      {workspaces && workspaces.length > 0 && (
        <>
          <MenuChoices
            label={t.account.actingFor}
            value={acting ?? YOURSELF}
            choose={(whom) => actAs(whom === YOURSELF ? null : whom)}
            choices={[
              { value: YOURSELF, content: t.account.yourself },
              ...workspaces.map(({ id, name }) => ({ value: id, content: name })),
            ]}
          />
          <MenuRule />
        </>
      )}
      <MenuItem icon={Settings} onSelect={() => navigate({ to: "/settings" })}>
        {t.settings.title}
      </MenuItem>
      {user.role === "owner" && (
        <>
          <MenuItem icon={Gauge} onSelect={() => navigate({ to: "/console" })}>
            {t.account.console}
          </MenuItem>
          <MenuItem icon={FlaskConical} onSelect={() => navigate({ to: "/lab" })}>
            {t.account.lab}
          </MenuItem>
        </>
      )}
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
