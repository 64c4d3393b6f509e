import { RotateCw } from "lucide-react";
import type { Message } from "~/api/types";
import { useWords } from "~/i18n";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuItem } from "~/ui/Menu";
import { useConversation } from "./context";
import { saidTo } from "./run";
import { useTreeWords } from "./words";

/** Has a reply written again; where there are several models, by the one that is chosen. */
export function Regenerate({ message }: { message: Message }) {
  const t = useWords();
  const tree = useTreeWords();
  const { messages, models, model: chosen, pending, running, regenerate } = useConversation();
  const mentioned = saidTo(messages, message) !== null;
  const model = mentioned ? models?.find(({ name }) => name === message.model) : chosen;
  const disabled = pending !== null || running;
  if (!models || models.length < 2)
    return (
      <IconButton
        label={t.message.regenerate}
        icon={RotateCw}
        disabled={disabled}
        onClick={() => regenerate(message)}
        small
      />
    );
  const others = models.filter(({ name }) => name !== model?.name);
  return (
    <Menu
      className="max-w-72"
      trigger={<IconButton label={t.message.regenerate} icon={RotateCw} disabled={disabled} small />}
    >
      <p className="px-2.5 pt-2 pb-1 text-muted text-xs">{tree.regenerateWith}</p>
      {model && <MenuItem onSelect={() => regenerate(message)}>{tree.sameModel(model.title)}</MenuItem>}
      {others.map(({ name, title }) => (
        <MenuItem key={name} onSelect={() => regenerate(message, name)}>
          {title}
        </MenuItem>
      ))}
    </Menu>
  );
}
