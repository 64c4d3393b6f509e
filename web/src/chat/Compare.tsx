import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useRef, useState } from "react";
import { explain } from "~/api/problems";
import { versionsQuery } from "~/api/queries";
import type { Message, Model } from "~/api/types";
import { useLeaving } from "~/deleting";
import { useLocale, useWords } from "~/i18n";
import { Markdown } from "~/markdown/Markdown";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { Trouble } from "~/ui/Trouble";
import { useConversation } from "./context";
import { useLive } from "./live";
import { useTreeWords } from "./words";

/** The versions of a reply side by side, once they are here. */
export function Compare({ message, close }: { message: Message; close: () => void }) {
  const t = useTreeWords();
  const words = useWords();
  const { models, show } = useConversation();
  const leaving = useLeaving();
  const { data, error, refetch } = useQuery(versionsQuery(message));
  const versions = data?.filter(({ id }) => !leaving.has(id));
  const shown = versions?.find(({ id }) => id === message.id);
  return (
    <Dialog
      label={t.compareTitle}
      close={close}
      className="fixed inset-0 m-auto h-[calc(100dvh-1.5rem)] w-[min(80rem,calc(100vw-1.5rem))] rounded-lg bg-raised shadow-soft"
    >
      <div className="flex h-full flex-col">
        <header className="flex flex-none items-start gap-3 p-4 pb-3 sm:px-6 sm:pt-5">
          <div className="me-auto">
            <h2 className="font-serif text-lg">{t.compareTitle}</h2>
            <p className="text-balance text-muted text-sm">{t.compareLead}</p>
          </div>
          <IconButton label={t.close} icon={X} onClick={close} small />
        </header>
        {versions && shown ? (
          <Pair
            versions={versions}
            shown={shown}
            models={models ?? []}
            choose={(version) => {
              show(version.id);
              close();
            }}
          />
        ) : (
          error && (
            <div className="px-4 sm:px-6">
              <Trouble text={explain(error, words)} retry={() => refetch()} />
            </div>
          )
        )}
      </div>
    </Dialog>
  );
}

interface Props {
  versions: readonly Message[];
  shown: Message;
  models: readonly Model[];
  choose: (message: Message) => void;
}

/** Two of them: beside each other, or on a phone one swipe apart. */
function Pair({ versions, shown, models, choose }: Props) {
  const t = useTreeWords();
  const locale = useLocale();
  const other = versions.findLast(({ id }) => id !== shown.id) ?? shown;
  const [pair, setPair] = useState(() =>
    versions.indexOf(other) < versions.indexOf(shown) ? [other, shown] : [shown, other],
  );
  const [side, setSide] = useState(0);
  const columns = useRef<HTMLDivElement>(null);
  const name = (message: Message) => {
    const number = t.version((versions.findIndex(({ id }) => id === message.id) + 1).toLocaleString(locale));
    if (message.corrects_id) return `${number} · ${t.corrected}`;
    const title = models.find((model) => model.name === message.model)?.title ?? message.model;
    return title ? `${number} · ${title}` : number;
  };
  const turn = (to: number) => {
    const element = columns.current;
    element?.scrollTo({ left: to * element.clientWidth });
    setSide(to);
  };
  return (
    <>
      <div
        role="tablist"
        aria-label={t.compareTitle}
        className="mx-4 mb-2 grid grid-cols-2 gap-1 rounded-md bg-tint p-1 md:hidden"
      >
        {pair.map((message, index) => (
          <button
            key={index === 0 ? "left" : "right"}
            type="button"
            role="tab"
            aria-selected={side === index}
            onClick={() => turn(index)}
            className="min-h-10 truncate rounded-sm px-2 text-muted text-sm aria-selected:bg-raised aria-selected:text-ink aria-selected:shadow-soft"
          >
            {name(message)}
          </button>
        ))}
      </div>
      <div
        ref={columns}
        onScroll={({ currentTarget: { scrollLeft, clientWidth } }) =>
          setSide(Math.round(scrollLeft / clientWidth))
        }
        className="flex min-h-0 flex-1 snap-x snap-mandatory overflow-x-auto border-line border-t md:overflow-x-hidden"
      >
        {pair.map((message, index) => (
          <section
            key={index === 0 ? "left" : "right"}
            aria-label={index === 0 ? t.left : t.right}
            className="flex w-full flex-none snap-center flex-col border-line md:w-1/2 md:[&+section]:border-s"
          >
            <div className="flex flex-none items-center px-4 pt-3 sm:px-6 max-md:hidden">
              {versions.length > 2 ? (
                <select
                  aria-label={index === 0 ? t.left : t.right}
                  value={message.id}
                  onChange={(event) => {
                    const chosen = versions.find(({ id }) => id === event.target.value);
                    if (chosen) setPair(pair.map((each, at) => (at === index ? chosen : each)));
                  }}
                  className="h-9 max-w-full rounded-sm border border-control bg-raised px-2 text-sm"
                >
                  {versions.map((each) => (
                    <option key={each.id} value={each.id}>
                      {name(each)}
                    </option>
                  ))}
                </select>
              ) : (
                <h3 className="font-medium text-muted text-sm">{name(message)}</h3>
              )}
            </div>
            <div
              // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must be able to reach it
              tabIndex={0}
              className="min-h-0 flex-1 overflow-y-auto overscroll-y-contain px-4 py-4 sm:px-6"
            >
              <Words message={message} />
            </div>
            <div className="flex-none border-line border-t p-3 sm:px-6">
              <Button
                look={message.id === shown.id ? "primary" : "outline"}
                className="w-full"
                onClick={() => choose(message)}
              >
                {t.choose}
              </Button>
            </div>
          </section>
        ))}
      </div>
    </>
  );
}

function Words({ message }: { message: Message }) {
  const live = useLive(message.id);
  const writing = message.status === "streaming";
  return (
    <div className={`prose ${writing ? "writing" : ""}`}>
      <Markdown text={writing && live ? live.text : message.content} writing={writing} />
    </div>
  );
}
