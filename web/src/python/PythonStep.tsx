import { use, useEffect } from "react";
import { Home } from "~/artifacts/open";
import { Output } from "./Output";
import { carryOut, useWork } from "./steps";
import { usePythonWords } from "./words";

interface Props {
  step: string;
  generation: string | null;
  code: string;
  /** Whether the reply waits for it. */
  wanted: boolean;
}

/** A model's Python at work in this browser, and what came of it for as long as the page is open. */
export default function PythonStep({ step, generation, code, wanted }: Props) {
  const t = usePythonWords();
  const work = useWork(step);
  const message = use(Home)?.id ?? null;
  useEffect(() => {
    if (wanted && generation) carryOut(generation, step, code, message);
  }, [wanted, generation, step, code, message]);
  if (work?.session) return <Output session={work.session} stop={work.stop} />;
  return wanted && <p className="mb-4 text-muted text-sm">{work?.elsewhere ? t.elsewhere : t.waiting}</p>;
}
