import type { ComponentProps } from "react";

type Look = "primary" | "quiet";

export function buttonLook(look: Look): string {
  const shared =
    "inline-flex h-10 items-center justify-center gap-2 rounded-sm px-4 font-medium text-sm transition-colors duration-100 disabled:opacity-60 touch:h-11";
  return look === "primary"
    ? `${shared} bg-accent text-on-accent hover:bg-accent-strong`
    : `${shared} text-ink hover:bg-tint`;
}

export function Button({
  look = "primary",
  className = "",
  ...rest
}: ComponentProps<"button"> & { look?: Look }) {
  return <button type="button" className={`${buttonLook(look)} ${className}`} {...rest} />;
}
