import { useQuery } from "@tanstack/react-query";
import { ArrowUp, Square } from "lucide-react";
import {
  lazy,
  type RefObject,
  Suspense,
  useCallback,
  useEffect,
  useEffectEvent,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { Problem } from "~/api/client";
import { useConnection } from "~/api/connection";
import { explain, isOfPlan } from "~/api/problems";
import { subscriptionQuery } from "~/api/queries";
import { SaidTo } from "~/assistants/Answering";
import { Attaching } from "~/files/Attaching";
import { Shelf } from "~/files/Shelf";
import { uploads, useUploads } from "~/files/uploads";
import { useFileWords } from "~/files/words";
import { useWords } from "~/i18n";
import { Trouble } from "~/ui/Trouble";
import { useText } from "./box";
import { useConversation } from "./context";
import { drafts, useMention } from "./drafts";
import { ModelPicker } from "./ModelPicker";
import { Controls } from "./parts/Controls";
import { ToPlan } from "./ToPlan";

const Mentions = lazy(() => import("./Mentions"));

const phone = window.matchMedia("(hover: none) and (pointer: coarse)");

// There, Enter begins a new line.
const touch = window.matchMedia("(pointer: coarse) and (not (any-pointer: fine))");

// Where the browser makes the box as high as its words, nothing has to be measured for each key.
const grows = "fieldSizing" in document.documentElement.style;

/** A press between these is meant for the words. */
const PRESSABLE = "a, button, input, label, textarea";

/** Where the reader writes. What is not sent yet survives a reload, for each conversation. */
export function Composer() {
  const t = useWords();
  const files = useFileWords();
  const {
    id,
    draft: place,
    running,
    pending,
    trouble,
    setTrouble,
    model,
    box,
    send,
    stop,
  } = useConversation();
  const input = useRef<HTMLTextAreaElement>(null);
  const { data: plan } = useQuery({ ...subscriptionQuery, staleTime: 300_000 });
  const hasFiles = plan?.features.includes("files") ?? true;
  const [refused, setRefused] = useState(false);
  const attach = useCallback(
    (chosen: Iterable<globalThis.File>) => {
      if (hasFiles) uploads.add(id, chosen);
      else setRefused(true);
    },
    [hasFiles, id],
  );
  const offline = useConnection() === "offline";
  const mention = useMention(place);
  const [mentioning, setMentioning] = useState(false);
  const empty = useText(box, isBlank);
  const shelf = useUploads(id);
  const onTheirWay = shelf.some(({ file, problem }) => !file && !problem);
  const pictures = shelf.some(({ file }) => file?.kind === "image");
  const nothing = empty && !shelf.some(({ file }) => file);
  const canSend = !nothing && !onTheirWay && !running && pending === null && Boolean(model) && !offline;

  const restore = useEffectEvent(() => {
    const draft = drafts.get(place);
    // The draft of a message on its way is kept until the server has it; but it is not to be written again.
    if (pending?.content !== draft.trim()) box.write(draft);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another conversation has another draft
  useLayoutEffect(() => {
    restore();
    // On a phone the keyboard would cover half of what was opened to be read; beside something else, that is written.
    if (!phone.matches && place === id) input.current?.focus({ preventScroll: true });
  }, [id]);

  const unsent = trouble?.unsent;
  useEffect(() => {
    if (unsent && box.text === "") box.write(unsent);
  }, [box, unsent]);

  const submit = () => {
    if (!canSend) return;
    const words = box.text.trim();
    box.write("");
    send(words);
  };

  return (
    <div className="relative">
      {mentioning && (
        <Suspense>
          <Mentions input={input} place={place} />
        </Suspense>
      )}
      {trouble && (
        <Trouble
          text={`${trouble.unsent === null ? "" : `${t.composer.sendFailed} `}${explain(trouble.problem, t)}`}
          hint={trouble.unsent === null ? undefined : t.composer.kept}
          retry={() => {
            if (trouble.unsent !== null) {
              box.write("");
              drafts.set(place, trouble.unsent);
            }
            trouble.retry();
          }}
          dismiss={() => setTrouble(null)}
          action={trouble.problem instanceof Problem && isOfPlan(trouble.problem.code) && <ToPlan />}
        />
      )}
      {refused && <Trouble text={files.notInPlan} action={<ToPlan />} dismiss={() => setRefused(false)} />}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
        onMouseDown={(event) => {
          // What is opened from here is drawn elsewhere, and its presses come here all the same.
          const { target, currentTarget } = event;
          if (event.button !== 0 || !(target instanceof Element && currentTarget.contains(target))) return;
          if (target.closest(PRESSABLE)) return;
          event.preventDefault();
          input.current?.focus();
        }}
        className="rounded-lg border border-line bg-raised shadow-soft transition-colors duration-100 focus-within:border-[color-mix(in_oklab,var(--control)_50%,var(--line))]"
      >
        {mention && (
          <div className="px-4 pt-2">
            <SaidTo id={mention} remove={() => drafts.sayTo(place, null)} />
          </div>
        )}
        <Shelf conversation={id} />
        {pictures && model && !model.sees && (
          <p role="status" className="px-4 pt-2.5 text-muted text-sm">
            {files.cannotSee(model.title)}
          </p>
        )}
        <Words
          ref={input}
          placeholder={id === null ? t.composer.placeholder : t.composer.reply}
          changed={(text) => {
            drafts.set(place, text);
            if (text.includes("@")) setMentioning(true);
          }}
          attach={attach}
          submit={submit}
        />
        <div className="flex items-center gap-2 p-2">
          <Attaching attach={attach} allowed={hasFiles} />
          <ModelPicker />
          <Controls />
          <div className="ms-auto">
            {running ? (
              <button
                type="button"
                aria-label={t.composer.stop}
                title={t.composer.stop}
                onClick={stop}
                className="flex size-10 items-center justify-center rounded-full bg-ink text-paper transition-opacity duration-100 hover:opacity-85 touch:size-11"
              >
                <Square aria-hidden className="size-3.5 fill-current" strokeWidth={0} />
              </button>
            ) : (
              <button
                type="submit"
                aria-label={t.composer.send}
                title={t.composer.send}
                disabled={!canSend}
                className="flex size-10 items-center justify-center rounded-full bg-accent text-on-accent transition-colors duration-100 hover:bg-accent-strong disabled:bg-tint-strong disabled:text-muted touch:size-11"
              >
                <ArrowUp aria-hidden className="size-5" strokeWidth={2} />
              </button>
            )}
          </div>
        </div>
      </form>
    </div>
  );
}

/** The words of it. They change with each key, and what is around them does not. */
function Words({
  ref,
  placeholder,
  changed,
  attach,
  submit,
}: {
  ref: RefObject<HTMLTextAreaElement | null>;
  placeholder: string;
  changed: (text: string) => void;
  attach: (chosen: Iterable<globalThis.File>) => void;
  submit: () => void;
}) {
  const t = useWords();
  const { box, running, stop } = useConversation();
  const text = useText(box, String);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the words are what the height follows
  useLayoutEffect(() => {
    const area = ref.current;
    if (grows || !area) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }, [text, ref]);
  return (
    <textarea
      ref={ref}
      dir="auto"
      data-composer
      name="input"
      aria-label={t.composer.label}
      placeholder={placeholder}
      rows={1}
      value={text}
      enterKeyHint={touch.matches ? "enter" : "send"}
      onChange={(event) => {
        box.write(event.target.value);
        changed(event.target.value);
      }}
      onPaste={(event) => {
        if (event.clipboardData.files.length === 0) return;
        event.preventDefault();
        attach(event.clipboardData.files);
      }}
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return;
        if (event.key === "Escape" && running) {
          event.preventDefault();
          stop();
        } else if (event.key === "Enter" && !event.shiftKey && !running && !touch.matches) {
          event.preventDefault();
          submit();
        }
      }}
      className="field-sizing-content block max-h-[16.125rem] w-full resize-none bg-transparent px-4 pt-3.5 pb-1 text-base text-ink leading-normal outline-none placeholder:text-muted"
    />
  );
}

function isBlank(text: string): boolean {
  return text.trim() === "";
}
