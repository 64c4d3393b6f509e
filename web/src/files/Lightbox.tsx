import { Download, X } from "lucide-react";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { type Attachment, contentUrl } from "./calls";
import { useFileWords } from "./words";

/** A picture by itself, as large as the window allows. */
export default function Lightbox({ file, close }: { file: Attachment; close: () => void }) {
  const t = useFileWords();
  return (
    <Dialog
      label={file.name}
      close={close}
      className="fixed inset-0 m-auto h-fit max-h-[calc(100dvh-1rem)] w-fit max-w-[calc(100vw-1rem)] overflow-hidden rounded-lg bg-raised p-3 shadow-soft"
    >
      <div className="flex items-center gap-1 pb-2 ps-2">
        <p dir="auto" className="me-auto min-w-0 truncate font-medium text-sm">
          {file.name}
        </p>
        <a
          href={contentUrl(file.id, true)}
          download={file.name}
          aria-label={t.download}
          title={t.download}
          className="inline-flex size-10 items-center justify-center rounded-sm text-muted hover:bg-tint hover:text-ink touch:size-11"
        >
          <Download aria-hidden className="size-[1.125rem]" strokeWidth={1.75} />
        </a>
        <IconButton label={t.close} icon={X} onClick={close} data-begin />
      </div>
      <img
        src={contentUrl(file.id)}
        alt={file.name}
        className="mx-auto max-h-[calc(100dvh-8rem)] max-w-full rounded-sm object-contain"
      />
    </Dialog>
  );
}
