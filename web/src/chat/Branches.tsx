import { ChevronLeft, ChevronRight } from "lucide-react";
import { useLocale, useWords } from "~/i18n";
import { IconButton } from "~/ui/IconButton";
import { useConversation } from "./context";
import { useMessage } from "./message";

/** ‹ 2/3 ›: walks between the versions of a message. */
export function Branches() {
  const t = useWords();
  const locale = useLocale();
  const { id, versions } = useMessage();
  const { show, pending } = useConversation();
  if (versions.length < 2) return null;
  const at = versions.indexOf(id);
  const number = (at + 1).toLocaleString(locale);
  const count = versions.length.toLocaleString(locale);
  const walk = (to: string | undefined) => to !== undefined && show(to);
  return (
    // biome-ignore lint/a11y/useSemanticElements: these are buttons, not fields of a form
    <div
      role="group"
      aria-label={t.message.branches}
      className="flex items-center text-muted text-xs tabular-nums"
    >
      <IconButton
        label={t.message.previous}
        icon={ChevronLeft}
        disabled={at <= 0 || pending !== null}
        onClick={() => walk(versions[at - 1])}
        small
      />
      <span role="img" aria-label={t.message.branch(number, count)}>
        {number}/{count}
      </span>
      <IconButton
        label={t.message.next}
        icon={ChevronRight}
        disabled={at === versions.length - 1 || pending !== null}
        onClick={() => walk(versions[at + 1])}
        small
      />
    </div>
  );
}
