import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { type Artifact, type Bounds, lab, type Release } from "~/api/lab";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { More } from "~/settings/parts/More";
import { Panel } from "~/settings/parts/Panel";
import { Trouble } from "~/ui/Trouble";
import { BoundFields } from "./BoundFields";
import { showWrong } from "./NumberField";
import { boundRules, typedNumbers, usualTexts } from "./numbers";
import { Share } from "./Share";
import { useLabWords } from "./words";

const FIRST_SHARE = 5;

/** Serves a model to some: to how many, and when it may go to all. */
export function Begin({
  artifact,
  begun,
  close,
}: {
  artifact: Artifact;
  begun: (release: Release) => void;
  close: () => void;
}) {
  const all = useWords();
  const t = useLabWords().models;
  const [share, setShare] = useState(FIRST_SHARE);
  const [texts, setTexts] = useState(usualTexts(boundRules));
  const [promotes, setPromotes] = useState(false);
  const fields = useRef<HTMLDivElement>(null);
  const beginning = useMutation({
    mutationFn: (bounds: Bounds) => lab.release(artifact.id, share, bounds),
    onSuccess: begun,
  });
  const run = () => {
    const bounds = typedNumbers(texts, boundRules);
    if (bounds) beginning.mutate({ ...bounds, promotes });
    else showWrong(fields.current);
  };
  return (
    <Panel
      title={t.releaseTitle(artifact.name)}
      lead={t.releaseLead(artifact.base)}
      close={close}
      wide
      submit={{ label: t.release, busy: beginning.isPending, run }}
    >
      <Share label={t.share} value={share} change={setShare} />
      <div ref={fields}>
        <More title={t.bounds}>
          <BoundFields texts={texts} change={setTexts} promotes={promotes} turn={setPromotes} />
        </More>
      </div>
      {beginning.error && <Trouble text={explain(beginning.error, all)} />}
    </Panel>
  );
}
