import * as Radix from "@radix-ui/react-menu";
import { Check, type LucideIcon } from "lucide-react";
import { type ReactNode, type RefObject, useEffect, useRef } from "react";
import { Rows } from "./Menu";

interface Props {
  button: RefObject<HTMLButtonElement | null>;
  ids: { button: string; content: string };
  /** Whether a key opened it, so that its first row is next. */
  byKey: boolean;
  close: () => void;
  children: ReactNode;
  side?: "top" | "bottom";
  align?: "start" | "end";
  className?: string;
}

/** A menu that is open, at its button. */
export function OpenMenu({
  button,
  ids,
  byKey,
  close,
  children,
  side = "bottom",
  align = "start",
  className = "",
}: Props) {
  // Over a modal dialog nothing is seen but what is inside it.
  const dialog = button.current?.closest("dialog");
  const elsewhere = useRef(false);
  return (
    <Radix.Root open modal={false} onOpenChange={close}>
      <Radix.Anchor virtualRef={button as RefObject<HTMLButtonElement>} />
      <Radix.Portal {...(dialog ? { container: dialog } : {})}>
        <Radix.Content
          id={ids.content}
          aria-labelledby={ids.button}
          side={side}
          align={align}
          sideOffset={6}
          collisionPadding={8}
          onInteractOutside={() => {
            elsewhere.current = true;
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (!elsewhere.current) button.current?.focus();
          }}
          className={`appear z-50 max-h-(--radix-popper-available-height) min-w-44 overflow-y-auto rounded-md border border-line bg-raised p-1 text-sm shadow-soft ${className}`}
        >
          <Rows value={rows}>{children}</Rows>
          {byKey && <Entered content={ids.content} />}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Takes the reader to the first row. */
function Entered({ content }: { content: string }) {
  useEffect(() => {
    document
      .getElementById(content)
      ?.querySelector<HTMLElement>("[role^=menuitem]:not([data-disabled])")
      ?.focus({ preventScroll: true });
  }, [content]);
  return null;
}

const row =
  "flex min-h-9 w-full select-none items-center gap-2.5 rounded-sm px-2.5 py-1.5 outline-none data-[highlighted]:bg-tint touch:min-h-11";

export function Item({
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

export interface ChoicesProps<T extends string> {
  label: string;
  value: T;
  choices: readonly { value: T; content: ReactNode }[];
  choose: (value: T) => void;
}

export function Choices<T extends string>({ label, value, choices, choose }: ChoicesProps<T>) {
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
export function Checks({
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

export function Rule() {
  return <Radix.Separator className="mx-1 my-1 h-px bg-line" />;
}

const rows = { OpenMenu, Item, Choices, Checks, Rule };
