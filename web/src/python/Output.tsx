import { Download, Square } from "lucide-react";
import { useEffect, useMemo } from "react";
import { download } from "~/artifacts/download";
import { useLocale } from "~/i18n";
import type { File } from "~/sandbox/running";
import { Button } from "~/ui/Button";
import type { Folder } from "./folder";
import { over, type Session } from "./interpreter";
import { usePythonWords } from "./words";

const PICTURES: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
};

/** What a run printed, what went wrong in it, and what it wrote. */
export function Output({ session, stop }: { session: Session; stop: () => void }) {
  const t = usePythonWords();
  const locale = useLocale();
  const { status, output, error, folder, files, left, seconds } = session;
  const ended = over(session);
  const wrong = status === "failed" || status === "late" || status === "broken";
  const silent = status === "done" && output.length === 0 && files.length === 0;
  return (
    <section
      aria-label={t.label}
      data-python={status}
      className="-mt-2 mb-4 overflow-hidden rounded-md border border-line bg-sunken text-sm"
    >
      <div className="flex min-h-10 items-center gap-2 pe-1 ps-4 text-muted text-xs">
        <span role="status" className={wrong ? "text-danger" : ""}>
          {t.status[status]}
        </span>
        {ended && seconds > 0 && (
          <span className="tabular-nums">
            {t.took(seconds.toLocaleString(locale, { maximumFractionDigits: 1 }))}
          </span>
        )}
        {!ended && (
          <Button look="quiet" className="ms-auto h-8! px-2! text-xs!" onClick={stop}>
            <Square aria-hidden className="size-3 fill-current" strokeWidth={0} />
            {t.stop}
          </Button>
        )}
      </div>
      <Found folder={folder} />
      {(output.length > 0 || error !== "" || silent) && (
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must be able to reach it
          tabIndex={0}
          className="max-h-96 overflow-auto whitespace-pre-wrap border-line border-t px-4 py-3 font-mono text-[0.8125rem] leading-relaxed [overflow-wrap:anywhere]"
        >
          {output.map(({ stream, text }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: what was printed stays where it is
            <span key={index} className={stream === "err" ? "text-danger" : undefined}>
              {text}
            </span>
          ))}
          {error !== "" && <span className="text-danger">{error}</span>}
          {silent && <span className="font-sans text-muted">{t.nothing}</span>}
        </pre>
      )}
      {(files.length > 0 || left.length > 0) && (
        <div className="border-line border-t px-4 py-3">
          {files
            .filter(({ name }) => endingOf(name) in PICTURES)
            .map((file) => (
              <Picture key={file.name} file={file} label={t.picture(file.name)} />
            ))}
          <ul aria-label={t.files} className="flex list-none flex-wrap gap-2 ps-0!">
            {files.map(({ name, bytes }) => (
              <li key={name}>
                <button
                  type="button"
                  aria-label={t.download(name)}
                  onClick={() => download(name.split("/").at(-1) ?? name, bytes)}
                  className="inline-flex min-h-8 items-center gap-2 rounded-sm border border-line bg-raised px-2.5 text-xs hover:bg-tint touch:min-h-11"
                >
                  <Download aria-hidden className="size-3.5 text-muted" strokeWidth={1.75} />
                  <span className="font-mono">{name}</span>
                  <span className="text-muted tabular-nums">{sizeOf(bytes.length, locale, t.bytes)}</span>
                </button>
              </li>
            ))}
          </ul>
          {left.length > 0 && <p className="mt-2 text-muted text-xs">{t.left(left.join(", "))}</p>}
        </div>
      )}
    </section>
  );
}

/** What the code found in its working folder, and what it could not. */
function Found({ folder: { files, large, lost } }: { folder: Folder }) {
  const t = usePythonWords();
  const missing = [
    ...(large.length > 0 ? [t.large(large.join(", "))] : []),
    ...(lost === null ? [t.unknown] : lost.length > 0 ? [t.lost(lost.join(", "))] : []),
  ];
  if (files.length === 0 && missing.length === 0) return null;
  return (
    <div className="px-4 pb-2 text-xs [overflow-wrap:anywhere]">
      {files.length > 0 && <p className="text-muted">{t.found(files.map(({ name }) => name).join(", "))}</p>}
      {missing.map((line) => (
        <p key={line} className="text-danger">
          {line}
        </p>
      ))}
    </div>
  );
}

/** Pictures are shown as pictures, in which nothing runs. */
function Picture({ file, label }: { file: File; label: string }) {
  const address = useMemo(
    () => URL.createObjectURL(new Blob([file.bytes], { type: PICTURES[endingOf(file.name)] ?? "" })),
    [file],
  );
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  return <img src={address} alt={label} className="mb-3 max-h-96 max-w-full rounded-sm bg-white" />;
}

function endingOf(name: string): string {
  return name.split(".").at(-1)?.toLowerCase() ?? "";
}

function sizeOf(
  bytes: number,
  locale: string,
  say: (size: string, unit: "B" | "kB" | "MB") => string,
): string {
  const [size, unit] =
    bytes < 1000
      ? ([bytes, "B"] as const)
      : bytes < 1e6
        ? ([bytes / 1000, "kB"] as const)
        : ([bytes / 1e6, "MB"] as const);
  return say(size.toLocaleString(locale, { maximumFractionDigits: size < 10 ? 1 : 0 }), unit);
}
