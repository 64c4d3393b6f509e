import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import {
  Archive,
  Bot,
  ClipboardCopy,
  CopyPlus,
  Download,
  Keyboard,
  Languages,
  LogOut,
  type LucideIcon,
  Monitor,
  Moon,
  PanelLeft,
  Pin,
  PinOff,
  Plus,
  Settings,
  Share,
  SquarePen,
  Sun,
  TextSearch,
  Trash2,
} from "lucide-react";
import { useMemo } from "react";
import { knownConversation } from "~/api/queries";
import { assistantsQuery } from "~/assistants/queries";
import { useAssistantWords } from "~/assistants/words";
import { deleteConversations } from "~/deleting";
import { openFind } from "~/find/opening";
import { languages, useWords } from "~/i18n";
import { archive, copyConversation, duplicate, pin } from "~/organise/acts";
import { useOrganiseWords } from "~/organise/words";
import { openSharing } from "~/sharing/opening";
import { modifier, shift } from "./keys";
import { chooseLocale, chooseTheme, signOut } from "./settings";

/** Something that can be done from wherever one is, by its name. */
export interface Command {
  id: string;
  title: string;
  icon: LucideIcon;
  /** The keys that do the same. */
  keys?: string;
  run: () => void;
}

interface Around {
  toggleSidebar: () => void;
  showShortcuts: () => void;
}

/** Every command, those for the conversation that is shown first. Another one is another line here. */
export function useCommands({ toggleSidebar, showShortcuts }: Around): Command[] {
  const t = useWords();
  const o = useOrganiseWords();
  const a = useAssistantWords();
  const { data: recent } = useInfiniteQuery(assistantsQuery("recent"));
  const navigate = useNavigate();
  const { id: shown } = useParams({ strict: false });
  return useMemo(() => {
    const command = (
      id: string,
      title: string,
      icon: LucideIcon,
      run: () => void,
      keys?: string,
    ): Command => ({
      id,
      title,
      icon,
      run,
      ...(keys ? { keys } : {}),
    });
    const open = (id: string) => navigate({ to: "/c/$id", params: { id } });
    const home = () => navigate({ to: "/" });
    const of = (id: string): Command[] => {
      const known = knownConversation(id);
      if (!known || known.temporary) return [];
      const { pinned } = known;
      return [
        command("pin", pinned ? o.unpin : o.pin, pinned ? PinOff : Pin, () => pin([id], !pinned)),
        command("duplicate", o.duplicate, CopyPlus, async () => {
          const copy = await duplicate(id);
          if (copy) open(copy.id);
        }),
        command("markdown", o.copyMarkdown, ClipboardCopy, () => copyConversation(id)),
        command("share", o.shareThis, Share, () => openSharing({ what: "share", conversation: id })),
        command("export", o.downloadThis, Download, () => openSharing({ what: "export", conversation: id })),
        command("archive", o.archiveThis, Archive, () => {
          archive([id]);
          home();
        }),
        command(
          "delete",
          o.deleteThis,
          Trash2,
          () => {
            deleteConversations([id], () => open(id));
            home();
          },
          `${modifier} ${shift} ⌫`,
        ),
      ];
    };
    return [
      command("new", t.finder.newChat, SquarePen, home, `${modifier} ${shift} O`),
      ...(shown
        ? [command("within", o.findThis, TextSearch, () => openFind(shown), `${modifier} F`), ...of(shown)]
        : []),
      command("assistants", a.open, Bot, () => navigate({ to: "/assistants" })),
      command("assistant", a.create, Plus, () =>
        navigate({ to: "/assistants/$edit", params: { edit: "new" } }),
      ),
      ...(recent?.pages[0]?.items ?? []).map(({ id, name }) =>
        command(id, a.talkTo(name), Bot, () => navigate({ to: "/a/$assistant", params: { assistant: id } })),
      ),
      command("archived", o.openArchive, Archive, () => navigate({ to: "/archive" })),
      command("sidebar", t.finder.sidebar, PanelLeft, toggleSidebar, `${modifier} ${shift} S`),
      command("light", t.finder.theme(t.account.light), Sun, () => chooseTheme("light")),
      command("dark", t.finder.theme(t.account.dark), Moon, () => chooseTheme("dark")),
      command("system", t.finder.theme(t.account.system), Monitor, () => chooseTheme("system")),
      command("en", t.finder.language(languages.en), Languages, () => chooseLocale("en")),
      command("fr", t.finder.language(languages.fr), Languages, () => chooseLocale("fr")),
      command("settings", t.finder.settings, Settings, () => navigate({ to: "/settings" }), `${modifier} ,`),
      command("keys", t.finder.shortcuts, Keyboard, showShortcuts, "?"),
      command("out", t.finder.signOut, LogOut, signOut),
    ];
  }, [t, o, a, recent, navigate, shown, toggleSidebar, showShortcuts]);
}
