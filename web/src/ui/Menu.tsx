import * as Radix from "@radix-ui/react-dropdown-menu";
import { Check, type LucideIcon } from "lucide-react";
import { type ReactNode, useState } from "react";

interface Props {
  trigger: ReactNode;
  children: ReactNode;
  side?: "top" | "bottom";
  align?: "start" | "end";
  className?: string;
  /** Given with `onOpenChange` by whoever opens it otherwise than with its button. */
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
}

/** A menu under (or over) its button. */
export function Menu({
  trigger,
  children,
  side = "bottom",
  align = "start",
  className = "",
  ...controlled
}: Props) {
  // Over a modal dialog nothing is seen but what is inside it.
  const [host, setHost] = useState<HTMLElement | null>(null);
  const dialog = host?.closest("dialog");
  return (
    <Radix.Root modal={false} {...controlled}>
      <Radix.Trigger asChild ref={setHost}>
        {trigger}
      </Radix.Trigger>
      <Radix.Portal {...(dialog ? { container: dialog } : {})}>
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
            <span className="me-auto">{choice.content}</span>
            <Radix.ItemIndicator>
              <Check aria-hidden className="size-4 text-accent" />
            </Radix.ItemIndicator>
          </Radix.RadioItem>
        ))}
      </Radix.RadioGroup>
    </Radix.Group>
  );
}

/** Choices of which any number holds; the menu stays open while they are made. */
export function MenuChecks({
  label,
  values,
  choices,
  change,
}: {
  label: string;
  values: readonly string[];
  choices: readonly { value: string; content: ReactNode }[];
  change: (values: string[]) => void;
}) {
  return (
    <Radix.Group>
      <Radix.Label className="px-2.5 pt-2 pb-1 text-muted text-xs">{label}</Radix.Label>
      {choices.map(({ value, content }) => (
        <Radix.CheckboxItem
          key={value}
          checked={values.includes(value)}
          onCheckedChange={(on) =>
            change(on ? [...values, value] : values.filter((other) => other !== value))
          }
          onSelect={(event) => event.preventDefault()}
          className={row}
        >
          <span className="me-auto">{content}</span>
          <Radix.ItemIndicator>
            <Check aria-hidden className="size-4 text-accent" />
          </Radix.ItemIndicator>
        </Radix.CheckboxItem>
      ))}
    </Radix.Group>
  );
}

export function MenuRule() {
  return <Radix.Separator className="mx-1 my-1 h-px bg-line" />;
}
