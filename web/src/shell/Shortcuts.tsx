import { X } from "lucide-react";
import { useWords } from "~/i18n";
import { useOrganiseWords } from "~/organise/words";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { modifier, shift } from "./keys";

/** The list behind `?`. */
export default function Shortcuts({ close }: { close: () => void }) {
  const t = useWords();
  const o = useOrganiseWords();
  const rows: [string, string[]][] = [
    [t.shortcuts.find, [modifier, "K"]],
    [o.findThis, [modifier, "F"]],
    [t.shortcuts.newChat, [modifier, shift, "O"]],
    [t.shortcuts.sidebar, [modifier, shift, "S"]],
    [t.shortcuts.copyReply, [modifier, shift, "C"]],
    [t.shortcuts.settings, [modifier, ","]],
    [t.shortcuts.focus, ["/"]],
    [t.shortcuts.send, ["↵"]],
    [t.shortcuts.newline, [shift, "↵"]],
    [t.shortcuts.mention, ["@"]],
    [t.shortcuts.stop, ["Esc"]],
    [o.newer, ["Alt", "↑"]],
    [o.older, ["Alt", "↓"]],
    [o.deleteThis, [modifier, shift, "⌫"]],
    [t.shortcuts.list, ["?"]],
  ];
  return (
    <Dialog
      label={t.shortcuts.title}
      close={close}
      className="fixed inset-0 m-auto h-fit w-[min(30rem,calc(100vw-2rem))] rounded-lg bg-raised shadow-soft"
    >
      <div className="p-6">
        <header className="mb-3 flex items-center">
          <h2 className="me-auto font-serif text-lg">{t.shortcuts.title}</h2>
          <IconButton label={t.shortcuts.close} icon={X} onClick={close} small />
        </header>
        <dl>
          {rows.map(([what, keys]) => (
            <div key={what} className="flex items-center gap-4 border-line border-t py-2 text-sm">
              <dt className="me-auto">{what}</dt>
              <dd className="flex gap-1">
                {keys.map((key) => (
                  <kbd
                    key={key}
                    className="min-w-6 rounded-[5px] border border-line bg-paper px-1.5 text-center font-sans text-muted text-xs leading-6"
                  >
                    {key}
                  </kbd>
                ))}
              </dd>
            </div>
          ))}
        </dl>
      </div>
    </Dialog>
  );
}
