import { X } from "lucide-react";
import { useWords } from "~/i18n";
import { dismiss, useNotices } from "~/notices";
import { IconButton } from "~/ui/IconButton";

/** Things said in passing, with what can still be done about them. */
export function Notices() {
  const t = useWords();
  const notices = useNotices();
  return (
    <div
      role="status"
      className="pointer-events-none absolute inset-x-4 top-3 z-40 flex flex-col items-center gap-2"
    >
      {notices.map(({ id, text, action }) => (
        <div
          key={id}
          className="appear pointer-events-auto flex max-w-full items-center gap-2 rounded-md border border-line bg-raised py-1 pe-1 ps-4 text-sm shadow-soft"
        >
          <span className="py-1.5">{text}</span>
          {action && (
            <button
              type="button"
              onClick={action.run}
              className="h-8 rounded-sm px-2.5 font-medium text-accent hover:bg-tint touch:h-11"
            >
              {action.label}
            </button>
          )}
          <IconButton label={t.problem.dismiss} icon={X} onClick={() => dismiss(id)} small />
        </div>
      ))}
    </div>
  );
}
