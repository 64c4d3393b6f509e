import * as Radix from "@radix-ui/react-dropdown-menu";
import { Check, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

interface Props {
  trigger: ReactNode;
  children: ReactNode;
  side?: "top" | "bottom";
  align?: "start" | "end";
  className?: string;
}

/** A menu under (or over) its button. */
export function Menu({ trigger, children, side = "bottom", align = "start", className = "" }: Props) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          side={side}
          align={align}
          sideOffset={6}
          collisionPadding={8}
          className={`appear z-50 max-h-(--radix-dropdown-menu-content-available-height) min-w-44 overflow-y-auto rounded-md border border-line bg-raised p-1 text-sm shadow-soft ${className}`}
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

const row =
  "flex min-h-9 w-full select-none items-center gap-2.5 rounded-sm px-2.5 py-1.5 outline-none data-[highlighted]:bg-tint touch:min-h-11";

export function MenuItem({
  icon: Icon,
  children,
  danger = false,
  onSelect,
}: {
  icon?: LucideIcon;
  children: ReactNode;
  danger?: boolean;
  onSelect: () => void;
}) {
  return (
    <Radix.Item className={`${row} ${danger ? "text-danger" : ""}`} onSelect={onSelect}>
      {Icon && <Icon aria-hidden className={`size-4 ${danger ? "" : "text-muted"}`} strokeWidth={1.75} />}
      {children}
    </Radix.Item>
  );
}

export function MenuChoices<T extends string>({
  label,
  value,
  choices,
  choose,
}: {
  label: string;
  value: T;
  choices: readonly { value: T; content: ReactNode }[];
  choose: (value: T) => void;
}) {
  return (
    <Radix.Group>
      <Radix.Label className="px-2.5 pt-2 pb-1 text-muted text-xs">{label}</Radix.Label>
      <Radix.RadioGroup value={value} onValueChange={(next) => choose(next as T)}>
        {choices.map((choice) => (
          <Radix.RadioItem key={choice.value} value={choice.value} className={row}>
            <span className="mr-auto">{choice.content}</span>
            <Radix.ItemIndicator>
              <Check aria-hidden className="size-4 text-accent" />
            </Radix.ItemIndicator>
          </Radix.RadioItem>
        ))}
      </Radix.RadioGroup>
    </Radix.Group>
  );
}

export function MenuRule() {
  return <Radix.Separator className="mx-1 my-1 h-px bg-line" />;
}
