import type { LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";

interface Props extends Omit<ComponentProps<"button">, "children"> {
  /** What it does: its accessible name, and the tooltip. */
  label: string;
  icon: LucideIcon;
  pressed?: boolean;
  /** 32 pixels to the eye, on touch screens still 44 to the finger. */
  small?: boolean;
}

export function IconButton({ label, icon: Icon, pressed, small = false, className = "", ...rest }: Props) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...(pressed === undefined ? {} : { "aria-pressed": pressed })}
      className={`relative inline-flex flex-none items-center justify-center rounded-sm text-muted transition-colors duration-100 hover:bg-tint hover:text-ink disabled:pointer-events-none disabled:opacity-40 aria-pressed:bg-tint aria-pressed:text-ink touch:before:absolute touch:before:-inset-1.5 touch:before:content-[''] ${small ? "size-8" : "size-10 touch:size-11"} ${className}`}
      {...rest}
    >
      <Icon aria-hidden className={small ? "size-4" : "size-[1.125rem]"} strokeWidth={1.75} />
    </button>
  );
}
