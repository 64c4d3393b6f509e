import { Link } from "@tanstack/react-router";
import { Archive, Bot, PanelLeft, Search, SquarePen } from "lucide-react";
import { RecentAssistants } from "~/assistants/Recent";
import { useAssistantWords } from "~/assistants/words";
import { useWords } from "~/i18n";
import { useOrganiseWords } from "~/organise/words";
import { IconButton } from "~/ui/IconButton";
import { Logo } from "~/ui/Logo";
import { AccountMenu } from "./AccountMenu";
import { Conversations } from "./Conversations";
import { modifier } from "./keys";

interface Props {
  hide: () => void;
  /** Called when something was chosen: on a phone the sheet then goes. */
  chosen: () => void;
  find: () => void;
  showShortcuts: () => void;
}

/** The conversations, and the reader's own account. */
export function Sidebar({ hide, chosen, find, showShortcuts }: Props) {
  const t = useWords();
  const o = useOrganiseWords();
  const a = useAssistantWords();
  return (
    <div className="flex h-full flex-col bg-sunken pt-[env(safe-area-inset-top)] pl-[env(safe-area-inset-left)]">
      <div className="flex h-14 flex-none items-center gap-1 pe-2 ps-4">
        <Link to="/" onClick={chosen} className="me-auto flex items-center gap-2 rounded-sm">
          <Logo />
          <span className="font-semibold font-serif text-[1.1875rem] tracking-tight">{t.app.name}</span>
        </Link>
        <IconButton label={t.sidebar.close} icon={PanelLeft} onClick={hide} />
      </div>
      <div className="flex-none space-y-0.5 px-2 pb-2">
        <Link to="/" onClick={chosen} className={entry}>
          <SquarePen aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {t.sidebar.newChat}
        </Link>
        <button type="button" onClick={find} className={entry}>
          <Search aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {t.sidebar.search}
          <kbd className="ms-auto font-sans text-muted text-xs touch:hidden">{modifier} K</kbd>
        </button>
        <Link
          to="/assistants"
          onClick={chosen}
          className={entry}
          activeOptions={{ exact: true }}
          activeProps={{ className: "bg-tint-strong/70" }}
        >
          <Bot aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {a.title}
        </Link>
        <RecentAssistants chosen={chosen} className={entry} />
        <Link
          to="/archive"
          onClick={chosen}
          className={entry}
          activeProps={{ className: "bg-tint-strong/70" }}
        >
          <Archive aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {o.archiveOpen}
        </Link>
      </div>
      <Conversations chosen={chosen} />
      <div className="flex-none border-line border-t p-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]">
        <AccountMenu showShortcuts={showShortcuts} />
      </div>
    </div>
  );
}

const entry =
  "flex h-9 w-full items-center gap-2.5 rounded-sm px-2.5 text-start text-sm transition-colors duration-100 hover:bg-tint touch:h-11";
