import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import { api, Problem } from "~/api/client";
import { queries, threadQuery } from "~/api/queries";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { merged } from "./run";

/** Frames in which the message is kept in sight: what is above it gets its true height only as it is drawn. */
const FRAMES = 12;
/** Frames in which a message that is not drawn yet is waited for: some seconds. */
const PATIENCE = 300;
const SHOWN_MS = 4_000;
/** So near to the top and the bottom of the view something is easily overlooked; pixels. */
const EDGE = 72;

/** A message to be shown: another one each time, though it be the same message. */
export interface Target {
  id: string;
  /** Where in it, for who looks for a place in it and stays where they are with the keyboard. */
  place?: Place | undefined;
}

/** A place in a message that is drawn; null to show the message as a whole. */
export type Place = (message: HTMLElement) => Range | null;
export type Jump = (message: string, place?: Place) => Promise<void>;

/**
 * The message that the address asks for, once it is among those that are shown; `remember` is told the end of its branch.
 * The address then loses it, so that the reader can walk on to other branches. And the way to go to another one.
 */
export function useJump(id: string | null, remember: (end: string) => void): [Target | null, Jump] {
  const { message } = useSearch({ strict: false });
  const navigate = useNavigate();
  const t = useWords();
  const [target, setTarget] = useState<Target | null>(null);
  const last = useRef<symbol | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: who comes back later finds the conversation as it is
  useEffect(
    () => () => {
      last.current = null;
      setTarget(null);
    },
    [id],
  );
  const jump = useCallback(
    async (message: string, place?: Place) => {
      if (id === null) return;
      const mine = Symbol();
      last.current = mine;
      const key = threadQuery(id).queryKey;
      try {
        if (!queries.getQueryData(key)?.messages.some((each) => each.id === message)) {
          const read = await api.conversation(id, { at: message });
          if (last.current !== mine) return;
          await queries.cancelQueries({ queryKey: key });
          queries.setQueryData(key, (current) => merged(current, read));
          if (read.end !== null && read.end !== read.conversation.current_message_id) remember(read.end);
        }
        setTarget({ id: message, place });
      } catch (problem) {
        const gone = problem instanceof Problem && (problem.status === 404 || problem.status === 400);
        if (last.current === mine) notify(gone ? t.thread.messageGone : t.thread.failed);
      }
    },
    [id, remember, t],
  );
  useEffect(() => {
    if (!message || id === null) return;
    let left = false;
    jump(message).finally(() => {
      if (!left) navigate({ to: "/c/$id", params: { id }, search: {}, replace: true });
    });
    return () => {
      left = true;
      last.current = null;
    };
  }, [message, id, jump, navigate]);
  return [target, jump];
}

/**
 * Brings a message into the middle of the view, gives it the focus and marks it for a while; or brings a place in it
 * into view, and leaves the focus where it is.
 */
export function showMessage(viewport: HTMLElement, { id, place }: Target): () => void {
  let frame = 0;
  let left = FRAMES;
  let patience = PATIENCE;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const find = () => viewport.querySelector<HTMLElement>(`[data-message-id="${CSS.escape(id)}"]`);
  const step = () => {
    const element = find();
    const there = element && place?.(element);
    if (there) show(viewport, there);
    else if (element) {
      element.scrollIntoView({ block: element.offsetHeight > viewport.clientHeight ? "start" : "center" });
      if (timer === undefined) {
        element.dataset.found = "";
        element.tabIndex = -1;
        if (!place) element.focus({ preventScroll: true });
        timer = setTimeout(() => find()?.removeAttribute("data-found"), SHOWN_MS);
      }
    }
    if (element) left -= 1;
    else patience -= 1;
    if (left > 0 && patience > 0) frame = requestAnimationFrame(step);
  };
  step();
  return () => cancelAnimationFrame(frame);
}

/** Brings a place into the middle of the view, unless it is well inside it. */
function show(viewport: HTMLElement, place: Range): void {
  const [seen, { top, bottom, height }] = [viewport.getBoundingClientRect(), place.getBoundingClientRect()];
  if (top > seen.top + EDGE && bottom < seen.bottom - EDGE) return;
  viewport.scrollTop += top + height / 2 - seen.top - seen.height / 2;
}
