import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { notify } from "~/notices";
import { Loaded } from "~/settings/parts/Loaded";
import { Page } from "~/settings/parts/Page";
import { Button } from "~/ui/Button";
import { BeginTurn } from "../flywheel/BeginTurn";
import { Examples } from "../flywheel/Examples";
import { Nightly } from "../flywheel/Nightly";
import { PastTurns } from "../flywheel/PastTurns";
import { Present } from "../flywheel/Present";
import { presentOf, underWay } from "../flywheel/wheel";
import { useWheelWords, wheelWords } from "../flywheel/words";
import { Missing } from "../Missing";
import { flywheelQuery, labChanged, stagesQuery } from "../queries";

/** From what people say of replies to a model that does better: the turn, its examples, and the turns before. */
export default function Flywheel() {
  const t = useWheelWords();
  const query = useQuery(flywheelQuery);
  const stages = useQuery(stagesQuery);
  const [beginning, setBeginning] = useState(false);
  const top = useRef<HTMLDivElement>(null);
  // The button that was pressed may be gone: reading goes on at the turn.
  const changed = async () => {
    await labChanged();
    top.current?.focus();
  };
  const turns = query.data?.turns ?? [];
  const present = presentOf(turns);
  const past = turns.filter((turn) => turn !== present);
  const may = query.data !== undefined && stages.data?.missing.length === 0;
  return (
    <Page
      title={t.title}
      lead={t.lead}
      action={
        !turns.some(underWay) && (
          <Button disabled={!may} onClick={() => setBeginning(true)}>
            {t.begin}
          </Button>
        )
      }
    >
      <Missing />
      <Loaded query={query}>
        {({ examples, nightly }) => (
          <>
            <div ref={top} tabIndex={-1} className="outline-none">
              {present ? (
                <Present key={present.id} turn={present} examples={examples} changed={changed} />
              ) : (
                <p className="max-w-[44rem] text-pretty">
                  {t.none} <span className="text-muted">{t.noneLead}</span>
                </p>
              )}
            </div>
            {nightly && <Nightly plan={nightly} />}
            <Examples counts={examples} />
            {past.length > 0 && <PastTurns turns={past} />}
          </>
        )}
      </Loaded>
      {beginning && (
        <BeginTurn
          begun={() => {
            setBeginning(false);
            changed();
            notify(wheelWords().settings.begun);
          }}
          close={() => setBeginning(false)}
        />
      )}
    </Page>
  );
}
