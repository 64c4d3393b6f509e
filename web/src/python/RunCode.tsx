import { use, useEffect, useRef, useState } from "react";
import { Home } from "~/artifacts/open";
import { folderOf } from "./folder";
import { run, type Session } from "./interpreter";
import { Output } from "./Output";

/** Runs some code of a message as soon as it is there, each `round` anew, and shows what comes of it. */
export default function RunCode({
  code,
  round,
  running,
}: {
  code: string;
  round: number;
  running: (going: boolean) => void;
}) {
  const [session, setSession] = useState<Session | null>(null);
  const message = use(Home)?.id ?? null;
  const stop = useRef(() => {});
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round runs what the code is by then
  useEffect(() => {
    const going = run(code, folderOf(message), (now) => {
      setSession(now);
      running(now.status === "loading" || now.status === "running");
    });
    stop.current = going.stop;
    return going.stop;
  }, [round]);
  return session && <Output session={session} stop={() => stop.current()} />;
}
