import { useNavigate } from "@tanstack/react-router";
import {
  ClipboardCopy,
  CopyPlus,
  CornerDownRight,
  MoreHorizontal,
  PencilLine,
  Share,
  Trash2,
} from "lucide-react";
import { branchTo, knownConversation } from "~/api/queries";
import type { Message } from "~/api/types";
import { notify } from "~/notices";
import { duplicate } from "~/organise/acts";
import { openSharing } from "~/sharing/opening";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuItem, MenuRule } from "~/ui/Menu";
import { copyText } from "~/ui/useCopy";
import { branchAsMarkdown } from "./asMarkdown";
import { useConversation } from "./context";
import { useTreeWords } from "./words";

/** What else can be done with a message and the branch that leads to it. */
export function MessageMenu({
  message,
  isLast,
  correct,
  ...opened
}: {
  message: Message;
  isLast: boolean;
  correct?: () => void;
  /** Given together by whoever opens it otherwise than with its button. */
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
}) {
  const t = useTreeWords();
  const navigate = useNavigate();
  const { continueFrom, remove } = useConversation();
  const temporary = knownConversation(message.conversation_id)?.temporary ?? false;
  return (
    <Menu {...opened} trigger={<IconButton label={t.more} icon={MoreHorizontal} small />}>
      {message.role === "assistant" && !isLast && (
        <MenuItem
          icon={CornerDownRight}
          onSelect={() => {
            continueFrom(message);
            requestAnimationFrame(() => document.querySelector<HTMLElement>("[data-composer]")?.focus());
          }}
        >
          {t.continueHere}
        </MenuItem>
      )}
      {correct && (
        <MenuItem icon={PencilLine} onSelect={correct}>
          {t.correct}
        </MenuItem>
      )}
      <MenuItem
        icon={ClipboardCopy}
        onSelect={async () => {
          try {
            await copyText(branchAsMarkdown(await branchTo(message), t));
            notify(t.branchCopied);
          } catch {
            notify(t.copyFailed);
          }
        }}
      >
        {t.copyBranch}
      </MenuItem>
      <MenuItem
        icon={CopyPlus}
        onSelect={async () => {
          const copy = await duplicate(message.conversation_id, message.id);
          if (copy) navigate({ to: "/c/$id", params: { id: copy.id } });
        }}
      >
        {t.duplicateHere}
      </MenuItem>
      {!temporary && message.status !== "streaming" && (
        <MenuItem
          icon={Share}
          onSelect={() =>
            openSharing({ what: "share", conversation: message.conversation_id, until: message.id })
          }
        >
          {t.shareHere}
        </MenuItem>
      )}
      <MenuRule />
      <MenuItem icon={Trash2} danger onSelect={() => remove(message)}>
        {t.delete}
      </MenuItem>
    </Menu>
  );
}
