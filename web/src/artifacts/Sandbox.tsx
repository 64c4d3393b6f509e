import { useEffect, useEffectEvent, useLayoutEffect, useRef, useState } from "react";
import { usePreference } from "~/preferences";
import type { FromFrame, ToFrame } from "~/sandbox/messages";
import { useMedia } from "~/ui/useMedia";
import type { Kind } from "./find";

export interface Failure {
  message: string;
  /** The address that it was not let to. */
  blocked: boolean;
}

interface Props {
  /** Another one gets another frame; the old one is seen until the new one has something to show. */
  id: string;
  kind: Kind;
  source: string;
  whole: boolean;
  label: string;
  failed: (failure: Failure) => void;
}

/** Something that a model wrote, at work in a frame without an origin: it reaches neither the app nor the network. */
export function Sandbox(props: Props) {
  const [current, setCurrent] = useState(props);
  const [older, setOlder] = useState<Props | null>(null);
  if (current.id !== props.id) {
    setOlder(current);
    setCurrent(props);
  }
  return (
    <div className="relative h-full bg-white">
      {older && older.id !== props.id && (
        <Frame key={older.id} {...older} failed={() => {}} hidden={false} shown={() => {}} />
      )}
      <Frame key={props.id} {...props} hidden={older !== null} shown={() => setOlder(null)} />
    </div>
  );
}

/** How often what is being written is sent on, in milliseconds. */
const PACE = 250;

function Frame({
  kind,
  source,
  whole,
  label,
  failed,
  hidden,
  shown,
}: Props & { hidden: boolean; shown: () => void }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [ready, setReady] = useState(false);
  const theme = usePreference("theme");
  const darkly = useMedia("(prefers-color-scheme: dark)");
  // Pages bring their own colours.
  const dark = kind === "diagram" && (theme === null ? darkly : theme === "dark");
  const heard = useEffectEvent(({ source: speaker, data }: MessageEvent<FromFrame>) => {
    if (speaker !== frame.current?.contentWindow) return;
    if (data.type === "ready") setReady(true);
    else if (data.type === "shown") shown();
    else if (data.type === "error") failed({ message: String(data.message), blocked: false });
    else if (data.type === "blocked") failed({ message: String(data.what), blocked: true });
  });
  // Before the frame can say that it is there.
  useLayoutEffect(() => {
    const hear = (event: MessageEvent) => heard(event);
    window.addEventListener("message", hear);
    return () => window.removeEventListener("message", hear);
  }, []);

  const sent = useRef(0);
  useEffect(() => {
    if (!ready) return;
    const send = () => {
      sent.current = performance.now();
      const message: ToFrame = { type: "show", source, whole, dark };
      frame.current?.contentWindow?.postMessage(message, "*");
    };
    const wait = whole ? 0 : Math.max(0, sent.current + PACE - performance.now());
    const timer = setTimeout(send, wait);
    return () => clearTimeout(timer);
  }, [ready, source, whole, dark]);

  return (
    <iframe
      ref={frame}
      src={`/sandbox/${kind === "picture" ? "page" : kind}.html`}
      sandbox="allow-scripts allow-forms"
      referrerPolicy="no-referrer"
      title={label}
      className={`absolute inset-0 h-full w-full border-0 ${hidden ? "invisible" : ""}`}
    />
  );
}
