import { RotateCw, X } from "lucide-react";
import { useWords } from "~/i18n";
import { IconButton } from "~/ui/IconButton";
import { thumbnailUrl } from "./calls";
import { endingOf, iconOf, useSize } from "./kinds";
import { whyNot } from "./problems";
import { type Upload, uploads, useUploads } from "./uploads";
import { useFileWords } from "./words";

/** The files that will go with the next message, above where it is written. */
export function Shelf({ conversation }: { conversation: string | null }) {
  const t = useFileWords();
  const found = useUploads(conversation);
  if (found.length === 0) return null;
  return (
    <ul aria-label={t.attached} className="flex flex-wrap gap-2 px-3 pt-3">
      {found.map((each) => (
        <Chosen key={each.key} upload={each} conversation={conversation} />
      ))}
    </ul>
  );
}

function Chosen({ upload, conversation }: { upload: Upload; conversation: string | null }) {
  const t = useFileWords();
  const all = useWords();
  const size = useSize();
  const { file, name, problem, progress } = upload;
  const Icon = iconOf(file?.kind);
  const share = Math.round(progress * 100);
  const unread = file?.status === "failed";
  const state = problem
    ? whyNot(problem, t, all)
    : !file
      ? `${share} %`
      : unread
        ? t.unread
        : file.status === "waiting" && file.kind !== "image"
          ? t.reading
          : [endingOf(file.name), size(file.size)].filter(Boolean).join(" · ");
  return (
    <li
      className={`relative flex w-56 max-w-full items-center gap-2.5 overflow-hidden rounded-md border bg-paper py-1.5 ps-1.5 pe-1 ${problem ? "border-danger" : "border-line"}`}
    >
      {file?.kind === "image" ? (
        <img
          src={thumbnailUrl(file.id)}
          alt=""
          className="size-10 flex-none rounded-sm bg-tint object-cover"
        />
      ) : (
        <span
          aria-hidden
          className="flex size-10 flex-none items-center justify-center rounded-sm bg-tint text-muted"
        >
          <Icon className="size-5" strokeWidth={1.5} />
        </span>
      )}
      <div className="min-w-0 flex-1">
        <p dir="auto" title={name} className="truncate font-medium text-sm leading-snug">
          {name}
        </p>
        <p
          role={problem || unread ? "alert" : undefined}
          title={unread ? (file.error_message ?? undefined) : undefined}
          className={`truncate text-xs tabular-nums ${problem || unread ? "text-danger" : "text-muted"}`}
        >
          {state}
        </p>
      </div>
      {problem && upload.source ? (
        <IconButton
          label={t.retry}
          icon={RotateCw}
          small
          onClick={() => uploads.again(conversation, upload.key)}
        />
      ) : null}
      <IconButton
        label={t.remove(name)}
        icon={X}
        small
        onClick={() => uploads.remove(conversation, upload.key)}
      />
      {!file && !problem && (
        <progress
          max={1}
          value={progress}
          aria-label={t.uploading(name, share)}
          className="absolute inset-x-0 bottom-0 h-0.5 w-full appearance-none bg-line [&::-moz-progress-bar]:bg-accent [&::-webkit-progress-bar]:bg-line [&::-webkit-progress-value]:bg-accent"
        />
      )}
    </li>
  );
}
