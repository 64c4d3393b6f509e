import type { ComponentProps } from "react";

type Look = "primary" | "outline" | "quiet" | "danger";

const looks: Record<Look, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  outline: "border border-line bg-raised text-ink hover:bg-tint",
  quiet: "text-ink hover:bg-tint",
  danger: "bg-danger text-paper hover:opacity-90",
};

export function buttonLook(look: Look): string {
  const shared =
    "inline-flex h-10 items-center justify-center gap-2 rounded-sm px-4 font-medium text-sm transition-colors duration-100 disabled:opacity-60 touch:h-11";
  return `${shared} ${looks[look]}`;
}

export function Button({
  look = "primary",
  className = "",
  ...rest
}: ComponentProps<"button"> & { look?: Look }) {
  return <button type="button" className={`${buttonLook(look)} ${className}`} {...rest} />;
}
