import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Field } from "~/account/Field";
import { Problem } from "~/api/client";
import { lab, type Stages } from "~/api/lab";
import { explain } from "~/api/problems";
import { useWords } from "~/i18n";
import { notify } from "~/notices";
import { Choices } from "~/settings/parts/Choices";
import { Loaded } from "~/settings/parts/Loaded";
import { Page } from "~/settings/parts/Page";
import { Waiting } from "~/settings/parts/Waiting";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import { Missing } from "../Missing";
import { labChanged, runQuery, stagesQuery } from "../queries";
import { RecipeEditor } from "../RecipeEditor";
import { type Mistake, mistakesOf, stageOf, using } from "../recipe";
import { labWords, useLabWords } from "../words";

/** A new run: a stage, its recipe, and it begins. */
export default function Start() {
  const t = useLabWords().start;
  const query = useQuery(stagesQuery);
  const { from } = useSearch({ strict: false });
  const like = useQuery({ ...runQuery(from ?? ""), enabled: from !== undefined });
  return (
    <Page title={t.title} lead={t.lead}>
      <Missing />
      <Loaded query={query}>
        {(stages) =>
          from !== undefined && like.isPending ? (
            <Waiting />
          ) : (
            <Form key={from} stages={stages} like={like.data ?? null} />
          )
        }
      </Loaded>
    </Page>
  );
}

function Form({ stages, like }: { stages: Stages; like: { stage: string; recipe: string } | null }) {
  const all = useWords();
  const words = useLabWords();
  const t = words.start;
  const navigate = useNavigate();
  const search = useSearch({ strict: false });
  const example = (stage: string) => stages.items.find(({ name }) => name === stage)?.example ?? "";
  const first = stages.items.some(({ name }) => name === search.stage) ? (search.stage ?? "") : "sft";
  const [stage, setStage] = useState(like?.stage ?? first);
  const [recipe, setRecipe] = useState(like?.recipe ?? using(example(first), first, search.using ?? null));
  const [name, setName] = useState("");
  const starting = useMutation({
    mutationFn: () => lab.start(recipe, name.trim() || null),
    onSuccess: (run) => {
      labChanged();
      notify(labWords().start.begun(run.id));
      navigate({ to: "/lab/$page/$item", params: { page: "runs", item: run.id } });
    },
  });
  const { error, reset } = starting;
  // What is corrected is not wrong any more.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the text that changes
  useEffect(reset, [recipe, name, reset]);
  // Of the others it depends on the recipe, and the server says so.
  const lacking =
    stages.missing.length > 0 &&
    stages.items.some(({ name, trains }) => trains && name === (stageOf(recipe) ?? stage));
  const ofName = error instanceof Problem ? error.fields.get("name") : undefined;
  const mistakes: Mistake[] =
    error instanceof Problem && !ofName && error.status === 422 ? mistakesOf(recipe, error.message) : [];
  return (
    <form
      className="space-y-8"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        starting.mutate();
      }}
    >
      <div>
        <p aria-hidden className="mb-2 font-medium text-sm">
          {t.stage}
        </p>
        <Choices
          label={t.stage}
          value={stage}
          choices={stages.items.map((each) => ({
            value: each.name,
            label: words.stages[each.name]?.title ?? each.name,
          }))}
          choose={(chosen) => {
            setStage(chosen);
            setRecipe(example(chosen));
          }}
        />
        <p className="mt-3 text-muted text-sm">{words.stages[stage]?.lead}</p>
      </div>
      <RecipeEditor
        label={t.recipe}
        hint={`${t.recipeHint} ${t.fields}`}
        value={recipe}
        change={setRecipe}
        mistakes={mistakes}
      />
      <div className="max-w-sm">
        <Field
          label={t.name}
          hint={t.nameHint}
          type="text"
          autoComplete="off"
          spellCheck={false}
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={ofName}
        />
      </div>
      {error && mistakes.length === 0 && !ofName && <Trouble text={explain(error, all)} />}
      <div className="flex flex-wrap items-center gap-4">
        <Button type="submit" disabled={starting.isPending || lacking}>
          {t.start}
        </Button>
        <span role="status" className="text-muted text-sm">
          {starting.isPending && t.checking}
        </span>
      </div>
    </form>
  );
}
