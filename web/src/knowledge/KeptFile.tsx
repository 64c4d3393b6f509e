import { RotateCw, X } from "lucide-react";
import { explainCode } from "~/api/problems";
import { thumbnailUrl } from "~/files/calls";
import { endingOf, iconOf, useSize } from "~/files/kinds";
import { useLocale, useWords } from "~/i18n";
import { IconButton } from "~/ui/IconButton";
import { Bar } from "./Bar";
import { type Kept, type State, stateOf } from "./kept";
import { useKnowledgeWords } from "./words";

/** A file that is held as knowledge, and how far it is. */
export function KeptFile({
  kept,
  retry,
  remove,
  removal,
}: {
  kept: Kept;
  retry: () => void;
  remove: () => void;
  /** What taking it away is called. */
  removal: string;
}) {
  const t = useKnowledgeWords().kept;
  const size = useSize();
  const { file } = kept;
  const state = stateOf(kept);
  const Icon = iconOf(file.kind);
  const facts = [endingOf(file.name), size(file.size)].filter(Boolean).join(" · ");
  return (
    <li className="flex items-start gap-3 py-2" data-state={state.is}>
      {file.kind === "image" ? (
        <img
          src={thumbnailUrl(file.id)}
          alt=""
          className="mt-0.5 size-8 flex-none rounded-sm bg-tint object-cover"
        />
      ) : (
        <Icon aria-hidden className="mx-1.5 mt-1 size-5 flex-none text-muted" strokeWidth={1.5} />
      )}
      <div className="min-w-0 flex-1">
        <p dir="auto" title={file.name} className="truncate text-sm">
          {file.name}
        </p>
        <Progress state={state} facts={facts} name={file.name} picture={file.kind === "image"} />
      </div>
      {state.is === "failed" && (
        <IconButton label={t.retry(file.name)} icon={RotateCw} small onClick={retry} />
      )}
      <IconButton label={removal} icon={X} small onClick={remove} />
    </li>
  );
}

function Progress({
  state,
  facts,
  name,
  picture,
}: {
  state: State;
  facts: string;
  name: string;
  picture: boolean;
}) {
  const t = useKnowledgeWords().kept;
  const all = useWords();
  const locale = useLocale();
  const number = new Intl.NumberFormat(locale);
  const quiet = "text-pretty text-muted text-xs tabular-nums";
  switch (state.is) {
    case "waiting":
      return <p className={quiet}>{t.waiting}</p>;
    case "reading":
      return (
        <>
          <p className={quiet}>{t.reading(number.format(state.done), number.format(state.of))}</p>
          <Bar value={state.of > 0 ? state.done / state.of : 0} label={t.readingThis(name)} />
        </>
      );
    case "ready":
      return (
        <p className={quiet}>
          {[state.passages > 0 ? t.passages(state.passages, number.format(state.passages)) : t.noText, facts]
            .filter(Boolean)
            .join(" · ")}
        </p>
      );
    case "kept":
      return <p className={quiet}>{[picture ? t.picture : t.notRead, facts].join(" · ")}</p>;
    case "failed":
      return (
        <p className="text-pretty text-danger text-xs" title={state.message ?? undefined}>
          {t.reasons[state.code ?? ""] ?? explainCode(state.code ?? "", all) ?? t.failed}
          {state.found && <span className="text-muted"> {t.byWords}</span>}
        </p>
      );
  }
}
