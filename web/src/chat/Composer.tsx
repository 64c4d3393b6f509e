import { ComposerPrimitive, useAui, useAuiState } from "@assistant-ui/react";
import { useQuery } from "@tanstack/react-query";
import { ArrowUp, Square } from "lucide-react";
import {
  lazy,
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
import { useConversation } from "./context";
import { drafts, useMention } from "./drafts";
import { ModelPicker } from "./ModelPicker";
import { Controls } from "./parts/Controls";
import { ToPlan } from "./ToPlan";

const Mentions = lazy(() => import("./Mentions"));

const phone = window.matchMedia("(hover: none) and (pointer: coarse)");

// Where the browser makes the box as high as its words, nothing has to be measured for each key.
const grows =
  "fieldSizing" in document.documentElement.style ? { render: <textarea /> } : { minRows: 1, maxRows: 10 };

const sendLook =
  "flex size-10 items-center justify-center rounded-full bg-accent text-on-accent transition-colors duration-100 hover:bg-accent-strong disabled:bg-tint-strong disabled:text-muted touch:size-11";

/** Where the reader writes. What is not sent yet survives a reload, for each conversation. */
export function Composer() {
  const t = useWords();
  const aui = useAui();
  const files = useFileWords();
  const { id, draft: place, running, pending, trouble, setTrouble, model, sendFiles } = useConversation();
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
  const empty = useAuiState((s) => s.composer.text.trim() === "");
  const shelf = useUploads(id);
  const onTheirWay = shelf.some(({ file, problem }) => !file && !problem);
  const pictures = shelf.some(({ file }) => file?.kind === "image");
  // Words are sent by the composer; files alone are nothing that it knows of.
  const onlyFiles = empty && shelf.some(({ file }) => file);
  const canSend = !onTheirWay && pending === null && Boolean(model) && !offline;

  const restore = useEffectEvent(() => {
    const draft = drafts.get(place);
    // The draft of a message on its way is kept until the server has it; but it is not to be written again.
    if (pending?.content !== draft.trim()) aui.composer.setText(draft);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another conversation has another draft
  useLayoutEffect(() => {
    restore();
    // On a phone the keyboard would cover half of what was opened to be read; beside something else, that is written.
    if (!phone.matches && place === id) input.current?.focus({ preventScroll: true });
  }, [id]);

  const unsent = trouble?.unsent;
  useEffect(() => {
    if (unsent && aui.composer.getState().text === "") aui.composer.setText(unsent);
  }, [aui, unsent]);

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
              aui.composer.setText("");
              drafts.set(place, trouble.unsent);
            }
            trouble.retry();
          }}
          dismiss={() => setTrouble(null)}
          action={trouble.problem instanceof Problem && isOfPlan(trouble.problem.code) && <ToPlan />}
        />
      )}
      {refused && <Trouble text={files.notInPlan} action={<ToPlan />} dismiss={() => setRefused(false)} />}
      <ComposerPrimitive.Root className="rounded-lg border border-line bg-raised shadow-soft transition-colors duration-100 focus-within:border-[color-mix(in_oklab,var(--control)_50%,var(--line))]">
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
        <ComposerPrimitive.Input
          ref={input}
          dir="auto"
          data-composer
          aria-label={t.composer.label}
          placeholder={id === null ? t.composer.placeholder : t.composer.reply}
          {...grows}
          enterKeyHint={phone.matches ? "enter" : "send"}
          unstable_insertNewlineOnTouchEnter
          onChange={(event) => {
            drafts.set(place, event.target.value);
            if (event.target.value.includes("@")) setMentioning(true);
          }}
          addAttachmentOnPaste={false}
          onPaste={(event) => {
            if (event.clipboardData.files.length === 0) return;
            event.preventDefault();
            attach(event.clipboardData.files);
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing || phone.matches)
              return;
            if (onTheirWay) event.preventDefault();
            else if (onlyFiles && canSend && !running) {
              event.preventDefault();
              sendFiles();
            }
          }}
          className="field-sizing-content block max-h-[16.125rem] w-full resize-none bg-transparent px-4 pt-3.5 pb-1 text-base text-ink leading-normal outline-none placeholder:text-muted"
        />
        <div className="flex items-center gap-2 p-2">
          <Attaching attach={attach} allowed={hasFiles} />
          <ModelPicker />
          <Controls />
          <div className="ms-auto">
            {running ? (
              <ComposerPrimitive.Cancel
                aria-label={t.composer.stop}
                title={t.composer.stop}
                className="flex size-10 items-center justify-center rounded-full bg-ink text-paper transition-opacity duration-100 hover:opacity-85 touch:size-11"
              >
                <Square aria-hidden className="size-3.5 fill-current" strokeWidth={0} />
              </ComposerPrimitive.Cancel>
            ) : onlyFiles ? (
              <button
                type="button"
                aria-label={t.composer.send}
                title={t.composer.send}
                disabled={!canSend}
                onClick={sendFiles}
                className={sendLook}
              >
                <ArrowUp aria-hidden className="size-5" strokeWidth={2} />
              </button>
            ) : (
              <ComposerPrimitive.Send
                aria-label={t.composer.send}
                title={t.composer.send}
                disabled={!canSend || empty}
                className={sendLook}
              >
                <ArrowUp aria-hidden className="size-5" strokeWidth={2} />
              </ComposerPrimitive.Send>
            )}
          </div>
        </div>
      </ComposerPrimitive.Root>
    </div>
  );
}
