import {
  Check,
  ChevronLeft,
  ChevronRight,
  Copy,
  Download,
  Maximize2,
  Minimize2,
  TriangleAlert,
  X,
} from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Message } from "~/api/types";
import { useConversation } from "~/chat/context";
import { drafts } from "~/chat/drafts";
import { useLive } from "~/chat/live";
import { useLocale } from "~/i18n";
import { Code } from "~/markdown/Code";
import { Markdown } from "~/markdown/Markdown";
import { notify } from "~/notices";
import { announce } from "~/shell/LiveRegion";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { useCopy } from "~/ui/useCopy";
import { useMedia } from "~/ui/useMedia";
import { repliesOf } from "./Card";
import { download } from "./download";
import { fenced, fileName, type Version, versionsIn, versionsOf, withSource } from "./find";
import { panel, useOpened } from "./open";
import { type Failure, Sandbox } from "./Sandbox";
import { useArtifactWords } from "./words";

/** What is open beside the conversation, of what the messages shown made; on a narrow screen over it. */
export default function Panel() {
  const { messages } = useConversation();
  const t = useArtifactWords();
  const opened = useOpened();
  const last = messages.at(-1);
  const live = useLive(last?.id ?? "");
  const writing = last?.status === "streaming" && live ? live.text : (last?.content ?? "");
  const narrow = useMedia("(width < 64rem)");
  const [filling, setFilling] = useState(false);
  const all = useMemo(() => versionsIn(repliesOf(messages, last?.id, writing)), [messages, last, writing]);
  const version =
    all.find(({ message, place }) => message === opened?.message && place === opened.place) ??
    all.findLast(({ key }) => key === opened?.key);
  if (!opened || !version) return null;
  const title = version.title || t.untitled[version.kind];
  const inside = (
    <Inside
      version={version}
      versions={versionsOf(all, version)}
      reply={messages.find(({ id }) => id === version.message)}
      isLast={version.message === last?.id && last.status !== "streaming"}
      filling={filling}
      fill={narrow ? null : () => setFilling(!filling)}
    />
  );
  if (narrow || filling)
    return (
      <Dialog
        label={t.panel(title)}
        close={filling && !narrow ? () => setFilling(false) : panel.close}
        className="fixed inset-0 h-dvh w-full bg-raised"
      >
        {inside}
      </Dialog>
    );
  return (
    <aside
      aria-label={t.panel(title)}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.stopPropagation();
        panel.close();
        document.querySelector<HTMLElement>("[data-artifact][aria-pressed=true]")?.focus();
      }}
      data-beside
      className="absolute inset-y-0 end-0 w-(--beside) border-line border-s bg-raised"
    >
      {inside}
    </aside>
  );
}

interface Props {
  version: Version;
  versions: readonly Version[];
  reply: Message | undefined;
  /** Whether nothing follows the reply, so that another version of it can take its place. */
  isLast: boolean;
  filling: boolean;
  fill: (() => void) | null;
}

function Inside({ version, versions, reply, isLast, filling, fill }: Props) {
  const t = useArtifactWords();
  const locale = useLocale();
  const { copied, copy } = useCopy();
  const put = usePut();
  const { correct } = useConversation();
  const [view, setView] = useState<"preview" | "source">("preview");
  const [edited, setEdited] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [saving, setSaving] = useState(false);
  const body = useRef<HTMLDivElement>(null);
  const where = `${version.message} ${version.place}`;
  const [before, setBefore] = useState(where);
  const { kind, whole, language } = version;
  const source = edited ?? version.source;
  if (before !== where) {
    setBefore(where);
    setEdited(null);
    setFailure(null);
  }
  // What is written anew may work.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => setFailure(null), [source]);

  const title = version.title || t.untitled[kind];
  const at = versions.indexOf(version);
  // Components and diagrams cannot be shown in halves.
  const early = !whole && (kind === "component" || kind === "diagram");
  const shown = kind === "code" || early ? "source" : view;
  const go = (to: number) => {
    const other = versions[to];
    if (other) panel.open(other);
  };
  const save = async () => {
    if (!reply || edited === null) return;
    setSaving(true);
    try {
      await correct(reply, withSource(reply.content, version, edited));
      setEdited(null);
      announce(t.saved);
    } catch {
      notify(t.saveFailed);
    } finally {
      setSaving(false);
    }
  };
  return (
    <div className="flex h-full flex-col pt-[env(safe-area-inset-top)]">
      <header className="flex flex-none flex-wrap items-center gap-x-1 border-line border-b py-1.5 pe-1.5 ps-4">
        <div className="me-auto min-w-0 flex-1 basis-40">
          <h2 className="truncate font-medium text-sm">{title}</h2>
          <p className="truncate text-muted text-xs">
            {t.kinds[kind]}
            {whole ? "" : ` · ${t.writing}`}
          </p>
        </div>
        <div className="flex items-center max-sm:order-last max-sm:w-full max-sm:gap-1 max-sm:pt-1 max-sm:pe-2.5 max-sm:pb-1 max-sm:empty:hidden">
          {versions.length > 1 && (
            // biome-ignore lint/a11y/useSemanticElements: these are buttons, not fields of a form
            <div
              role="group"
              aria-label={t.versionOf(String(at + 1), String(versions.length))}
              className="flex items-center"
            >
              <IconButton
                label={t.older}
                icon={ChevronLeft}
                disabled={at <= 0}
                onClick={() => go(at - 1)}
                small
              />
              <span className="text-muted text-xs tabular-nums" aria-live="polite">
                {(at + 1).toLocaleString(locale)}/{versions.length.toLocaleString(locale)}
              </span>
              <IconButton
                label={t.newer}
                icon={ChevronRight}
                disabled={at >= versions.length - 1}
                onClick={() => go(at + 1)}
                small
              />
            </div>
          )}
          {kind !== "code" && (
            // biome-ignore lint/a11y/useSemanticElements: these are buttons, not fields of a form
            <div
              role="group"
              aria-label={t.view}
              className="mx-1 flex rounded-sm bg-tint p-0.5 max-sm:mx-0 max-sm:flex-1"
            >
              {(["preview", "source"] as const).map((each) => (
                <button
                  key={each}
                  type="button"
                  aria-pressed={shown === each}
                  disabled={early && each === "preview"}
                  onClick={() => setView(each)}
                  className="h-7 rounded-[6px] px-2.5 text-muted max-sm:flex-1 text-xs aria-pressed:bg-raised aria-pressed:text-ink aria-pressed:shadow-soft touch:h-10"
                >
                  {t[each]}
                </button>
              ))}
            </div>
          )}
        </div>
        <IconButton
          label={copied ? t.copied : t.copy}
          icon={copied ? Check : Copy}
          onClick={() => copy(source)}
          small
        />
        <IconButton
          label={t.download}
          icon={Download}
          onClick={() => download(fileName(version, t.untitled[kind]), source)}
          small
        />
        {fill && (
          <IconButton
            label={filling ? t.unfill : t.fill}
            icon={filling ? Minimize2 : Maximize2}
            onClick={fill}
            small
          />
        )}
        <IconButton label={t.close} icon={X} onClick={panel.close} small />
      </header>
      <div ref={body} className="relative min-h-0 flex-1">
        {shown === "preview" ? (
          kind === "document" ? (
            <section
              // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must be able to reach it
              tabIndex={0}
              aria-label={title}
              className="h-full overflow-y-auto px-6 py-5"
            >
              <div className={`reply prose mx-auto max-w-(--measure) ${whole ? "" : "writing"}`}>
                <Markdown text={source} writing={!whole} />
              </div>
            </section>
          ) : (
            <Sandbox
              id={edited === null ? where : `${where} edited`}
              kind={kind}
              source={kind === "picture" ? framed(source) : source}
              whole={whole}
              label={t.frame(title)}
              failed={setFailure}
            />
          )
        ) : edited === null ? (
          <div className="h-full overflow-y-auto p-4 [&_figure]:my-0">
            <Code source={source} language={language} />
            {whole && (
              <Button look="outline" className="mt-3" onClick={() => setEdited(version.source)}>
                {t.edit}
              </Button>
            )}
          </div>
        ) : (
          <textarea
            aria-label={t.editing(title)}
            value={edited}
            spellCheck={false}
            autoCapitalize="off"
            autoComplete="off"
            onChange={(event) => setEdited(event.target.value)}
            onKeyDown={(event) => {
              // It would close the panel, and what was written with it.
              if (event.key === "Escape") event.stopPropagation();
            }}
            className="block h-full w-full resize-none overflow-auto whitespace-pre bg-raised p-4 font-mono text-[0.8125rem] leading-relaxed outline-none"
          />
        )}
      </div>
      {edited !== null && (
        <footer className="flex flex-none flex-wrap items-center gap-2 border-line border-t p-2">
          <Button look="quiet" onClick={() => setEdited(null)}>
            {t.undo}
          </Button>
          <Button
            look={isLast ? "outline" : "primary"}
            className="ms-auto"
            disabled={edited === version.source}
            onClick={() => put(fenced(version, edited), t.inserted)}
          >
            {t.insert}
          </Button>
          {isLast && (
            <Button disabled={saving || edited === version.source} onClick={save}>
              {t.save}
            </Button>
          )}
        </footer>
      )}
      {failure && (
        <div
          role="alert"
          className="flex flex-none flex-wrap items-center gap-2 border-line border-t bg-danger-tint py-2 pe-2 ps-4 text-sm"
        >
          <TriangleAlert aria-hidden className="size-4 flex-none text-danger" strokeWidth={1.75} />
          <div className="min-w-0 flex-1 basis-48">
            {!failure.blocked && <p className="font-medium">{t.failed}</p>}
            <p className="line-clamp-3 break-words text-xs [overflow-wrap:anywhere]">
              {failure.blocked ? t.blocked(failure.message) : failure.message}
            </p>
          </div>
          <Button
            look="outline"
            onClick={() =>
              put(t.fixIn(title, failure.blocked ? t.blocked(failure.message) : failure.message), t.inserted)
            }
          >
            {t.fix}
          </Button>
          <IconButton label={t.dismiss} icon={X} onClick={() => setFailure(null)} small />
        </div>
      )}
    </div>
  );
}

/** A picture in the middle of a page of its own. */
function framed(source: string): string {
  const style =
    "body{margin:0;min-height:100vh;display:grid;place-items:center}svg{max-width:100%;max-height:100vh}";
  return `<!doctype html><style>${style}</style>${source.replace(/^\s*<\?xml[^>]*>/, "")}`;
}

/** Puts words behind those in the message box, and the reader there. */
function usePut(): (text: string, said: string) => void {
  const { id, box } = useConversation();
  return (added, said) => {
    if (window.matchMedia("(width < 64rem)").matches) panel.close();
    const before = box.text.trimEnd();
    const text = before ? `${before}\n\n${added}` : added;
    box.write(text);
    drafts.set(id, text);
    announce(said);
    requestAnimationFrame(() => {
      const input = document.querySelector<HTMLTextAreaElement>("[data-composer]");
      input?.focus();
      input?.setSelectionRange(text.length, text.length);
    });
  };
}
