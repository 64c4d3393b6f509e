import { lazy, Suspense, useState } from "react";
import { type Attachment, contentUrl, thumbnailUrl } from "./calls";
import { endingOf, iconOf, useSize } from "./kinds";
import { useFileWords } from "./words";

const Lightbox = lazy(() => import("./Lightbox"));

interface Props {
  files: readonly Attachment[];
  /** Whether they are a reply's: those begin where its text does. */
  reply?: boolean;
}

/** The files of a message: pictures as pictures, all else as cards that are downloaded. */
export function Attachments({ files, reply = false }: Props) {
  const t = useFileWords();
  const size = useSize();
  const [open, setOpen] = useState<Attachment | null>(null);
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  if (files.length === 0) return null;
  return (
    <ul
      aria-label={t.inMessage}
      className={`flex flex-wrap gap-2 ${reply ? "mt-3" : "mb-2 max-w-[85%] justify-end sm:max-w-[75%]"}`}
    >
      {files.map((file) => {
        const Icon = iconOf(file.kind);
        if (file.kind === "image" && !gone.has(file.id))
          return (
            <li key={file.id}>
              <button
                type="button"
                aria-label={t.open(file.name)}
                onClick={() => setOpen(file)}
                className="block overflow-hidden rounded-md border border-line bg-tint"
              >
                <img
                  src={thumbnailUrl(file.id)}
                  alt={file.name}
                  loading="lazy"
                  onError={() => setGone(new Set([...gone, file.id]))}
                  className="h-40 w-auto min-w-16 max-w-full object-cover"
                />
              </button>
            </li>
          );
        return (
          <li key={file.id} className="max-w-full">
            <a
              href={contentUrl(file.id, true)}
              download={file.name}
              aria-label={t.downloadThis(file.name)}
              className="flex w-60 max-w-full items-center gap-3 rounded-md border border-line bg-raised p-2 pe-3 hover:bg-tint"
            >
              <span
                aria-hidden
                className="flex size-10 flex-none items-center justify-center rounded-sm bg-tint text-muted"
              >
                <Icon className="size-5" strokeWidth={1.5} />
              </span>
              <span className="min-w-0 flex-1">
                <span dir="auto" className="block truncate font-medium text-sm">
                  {file.name}
                </span>
                <span className="block text-muted text-xs tabular-nums">
                  {gone.has(file.id)
                    ? t.gone
                    : [endingOf(file.name), size(file.size)].filter(Boolean).join(" · ")}
                </span>
              </span>
            </a>
          </li>
        );
      })}
      {open && (
        <Suspense>
          <Lightbox file={open} close={() => setOpen(null)} />
        </Suspense>
      )}
    </ul>
  );
}
