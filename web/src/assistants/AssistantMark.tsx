import type { Summary } from "./queries";

const sizes = {
  small: "size-5 text-xs",
  medium: "size-10 text-lg",
  large: "size-16 text-xl",
};

type Looks = Pick<Summary, "name" | "emoji" | "colour"> & Partial<Pick<Summary, "id" | "picture_id">>;

/** What an assistant is known by: its picture, its emoji or its first letter, on its colour. */
export function AssistantMark({
  assistant: { id, name, emoji, colour, picture_id },
  picture = id && picture_id ? `/api/assistants/${id}/picture?v=${picture_id}` : null,
  size = "small",
}: {
  assistant: Looks;
  /** Where another picture is than the one it has. */
  picture?: string | null;
  size?: keyof typeof sizes;
}) {
  return (
    <span
      aria-hidden
      className={`flex flex-none items-center justify-center overflow-hidden rounded-full font-medium leading-none ${sizes[size]}`}
      style={{
        background: `color-mix(in oklab, var(--mark-${colour}) 16%, var(--paper))`,
        color: `var(--mark-${colour})`,
      }}
    >
      {picture ? (
        <img src={picture} alt="" className="size-full object-cover" />
      ) : (
        (emoji ?? [...name.trim()][0]?.toLocaleUpperCase() ?? "·")
      )}
    </span>
  );
}
