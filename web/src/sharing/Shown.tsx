import { iconOf, useSize } from "~/files/kinds";
import { useFileWords } from "~/files/words";
import type { SharedMessage } from "./queries";

export type ShownFile = Pick<SharedMessage["attachments"][number], "name" | "kind" | "size"> & {
  /** Where the picture is; null of a file that is only named. */
  picture: string | null;
};

/** The files of a message that is only read: pictures as pictures, all else by name. */
export function Shown({ files, reply }: { files: readonly ShownFile[]; reply: boolean }) {
  const t = useFileWords();
  const size = useSize();
  if (files.length === 0) return null;
  return (
    <ul
      aria-label={t.inMessage}
      className={`flex flex-wrap gap-2 ${reply ? "mt-3" : "mb-2 max-w-[85%] justify-end sm:max-w-[75%]"}`}
    >
      {files.map(({ name, kind, size: bytes, picture }, index) => {
        const Icon = iconOf(kind);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the list never changes
          <li key={index} className="max-w-full">
            {picture ? (
              <a href={picture} target="_blank" rel="noreferrer" aria-label={t.open(name)} className="block">
                <img
                  src={picture}
                  alt={name}
                  loading="lazy"
                  className="max-h-80 w-auto max-w-full rounded-md border border-line bg-tint object-contain print:break-inside-avoid"
                />
              </a>
            ) : (
              <p className="flex max-w-full items-center gap-2 rounded-md border border-line bg-raised px-3 py-2 text-sm">
                <Icon aria-hidden className="size-4 flex-none text-muted" strokeWidth={1.75} />
                <span dir="auto" className="min-w-0 truncate">
                  {name}
                </span>
                <span className="flex-none text-muted tabular-nums">{size(bytes)}</span>
              </p>
            )}
          </li>
        );
      })}
    </ul>
  );
}
