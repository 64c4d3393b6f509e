import { useEffect, useRef, useState } from "react";
import { type Holder, upload } from "~/files/calls";

/** A file on its way. */
export interface ComingFile {
  key: number;
  source: globalThis.File;
  /** How much of it has gone out, 0 to 1. */
  progress: number;
  problem: unknown;
}

/** Files on their way to what is to hold them. `arrived` is waited for before one is left out here. */
export function useComing(holder: Holder, arrived: () => Promise<unknown>) {
  const [items, setItems] = useState<readonly ComingFile[]>([]);
  const count = useRef(0);
  const leave = useRef<AbortController>(null);
  useEffect(() => {
    const left = new AbortController();
    leave.current = left;
    return () => left.abort();
  }, []);
  const update = (key: number, part: Partial<ComingFile>) =>
    setItems((now) => now.map((each) => (each.key === key ? { ...each, ...part } : each)));
  const drop = (key: number) => setItems((now) => now.filter((each) => each.key !== key));
  const send = async ({ key, source }: ComingFile) => {
    const signal = leave.current?.signal;
    if (!signal) return;
    update(key, { progress: 0, problem: null });
    try {
      await upload(source, holder, (progress) => update(key, { progress }), signal);
      await arrived();
      drop(key);
    } catch (problem) {
      if (!signal.aborted) update(key, { problem });
    }
  };
  const add = (chosen: readonly globalThis.File[]) => {
    const fresh = chosen.map((source) => {
      count.current += 1;
      return { key: count.current, source, progress: 0, problem: null };
    });
    setItems((now) => [...now, ...fresh]);
    for (const each of fresh) send(each);
  };
  return { items, add, send, drop };
}
