import { useMutation, useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Problem } from "~/api/client";
import { lab, type Turn, type TurnSettings } from "~/api/lab";
import { explain } from "~/api/problems";
import { modelsQuery } from "~/api/queries";
import { useWords } from "~/i18n";
import { More } from "~/settings/parts/More";
import { Panel } from "~/settings/parts/Panel";
import { Select } from "~/settings/parts/Select";
import { Switch } from "~/settings/parts/Switch";
import { Trouble } from "~/ui/Trouble";
import { BoundFields } from "../BoundFields";
import { NumberField, showWrong } from "../NumberField";
import { boundRules, turnRules, typedNumbers, usualTexts } from "../numbers";
import { Share } from "../Share";
import { useLabWords } from "../words";
import { useWheelWords } from "./words";

const USUAL_SHARE = 10;
const USUAL_MODEL = "default";

const learning = ["epochs", "batch", "learning_rate", "rank"] as const;

/** Begins a turn of the flywheel: from how much it learns, how, and to whom it goes first. */
export function BeginTurn({ begun, close }: { begun: (turn: Turn) => void; close: () => void }) {
  const all = useWords();
  const words = useLabWords().models;
  const t = useWheelWords().settings;
  const { data: models = [] } = useQuery(modelsQuery);
  const [model, setModel] = useState(USUAL_MODEL);
  const [texts, setTexts] = useState(usualTexts(turnRules));
  const [unseen, setUnseen] = useState(false);
  const [share, setShare] = useState(USUAL_SHARE);
  const [boundTexts, setBoundTexts] = useState(usualTexts(boundRules));
  const [promotes, setPromotes] = useState(false);
  const fields = useRef<HTMLDivElement>(null);
  const beginning = useMutation({
    mutationFn: (settings: TurnSettings) => lab.beginTurn(settings),
    onSuccess: begun,
  });
  const run = () => {
    const numbers = typedNumbers(texts, turnRules);
    const bounds = typedNumbers(boundTexts, boundRules);
    if (numbers && bounds)
      beginning.mutate({
        ...numbers,
        model,
        unseen,
        share_percent: share,
        bounds: { ...bounds, promotes },
      });
    else showWrong(fields.current);
  };
  const { error } = beginning;
  const refused = error instanceof Problem ? error.fields : null;
  const number = (name: keyof typeof turnRules, hint?: string) => (
    <NumberField
      key={name}
      label={t[name]}
      {...(hint === undefined ? {} : { hint })}
      rule={turnRules[name]}
      value={texts[name]}
      change={(text) => {
        beginning.reset();
        setTexts({ ...texts, [name]: text });
      }}
      refused={refused?.get(name)}
    />
  );
  const saidAtField = Object.keys(turnRules).some((name) => refused?.has(name));
  const usual = models.find((each) => each.default);
  return (
    <Panel
      title={t.title}
      lead={t.lead}
      close={close}
      wide
      submit={{ label: t.begin, busy: beginning.isPending, run }}
    >
      <div ref={fields} className="space-y-5">
        {number("least", t.leastHint)}
        <div>
          <div className="flex items-center gap-3 text-sm">
            <Switch label={t.unseen} on={unseen} turn={setUnseen} />
            <span aria-hidden className="font-medium">
              {t.unseen}
            </span>
          </div>
          <p className="mt-1.5 text-pretty text-muted text-sm">{t.unseenHint}</p>
        </div>
        <Share label={t.share} value={share} change={setShare} />
        <div>
          <More title={t.learning}>
            <div className="mt-2 space-y-4">
              <div>
                <Select label={t.model} value={model} choose={setModel}>
                  <option value={USUAL_MODEL}>{usual ? t.standard(usual.title) : USUAL_MODEL}</option>
                  {models
                    .filter((each) => each !== usual)
                    .map((each) => (
                      <option key={each.name} value={each.name}>
                        {each.title}
                      </option>
                    ))}
                </Select>
                <p className="mt-1.5 text-muted text-sm">{t.modelHint}</p>
              </div>
              <div className="grid gap-4 sm:grid-cols-2">{learning.map((name) => number(name))}</div>
              <p className="text-pretty text-muted text-sm">{t.learningHint}</p>
            </div>
          </More>
          <More title={words.bounds}>
            <BoundFields texts={boundTexts} change={setBoundTexts} promotes={promotes} turn={setPromotes} />
          </More>
        </div>
      </div>
      {error && !saidAtField && <Trouble text={isUnderWay(error) ? t.underWay : explain(error, all)} />}
    </Panel>
  );
}

function isUnderWay(error: Error): boolean {
  return error instanceof Problem && error.code === "turn_under_way";
}
