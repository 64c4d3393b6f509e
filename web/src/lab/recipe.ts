/** Something that is wrong with a recipe, and where. */
export interface Mistake {
  /** As recipes name it: "training.steps"; null where it is the whole. */
  field: string | null;
  /** Counted from one; null where no line is to blame. */
  line: number | null;
  text: string;
}

/** What the server says of a recipe, mistake by mistake, each with its line. */
export function mistakesOf(recipe: string, message: string): Mistake[] {
  const place = /\(at line (\d+), column \d+\)/.exec(message);
  if (place) return [{ field: null, line: Number(place[1]), text: message }];
  const told = /^In the recipe[,:] (.*)\.$/s.exec(message)?.[1];
  if (told === undefined) return [{ field: null, line: null, text: message }];
  return told.split(/; (?=[\w.[\]-]+: )/).map((each) => {
    const [, field, text] = /^([\w.[\]-]+): (.*)$/s.exec(each) ?? [null, null, each];
    return { field: field ?? null, line: field ? lineOf(recipe, field) : null, text: text ?? each };
  });
}

/** The stage that a recipe says it is of; null where it does not. */
export function stageOf(recipe: string): string | null {
  return /^\s*stage\s*=\s*(["'])([\w-]+)\1/m.exec(recipe)?.[2] ?? null;
}

/** The line of a TOML text in which a field stands, or the nearest thing around it that does. */
export function lineOf(recipe: string, field: string): number | null {
  const wanted = field.replace(/\[[^\]]*\]/g, "").replace(/\.{2,}/g, ".");
  let table = "";
  const found = new Map<string, number>();
  recipe.split("\n").forEach((text, place) => {
    const head = /^\s*\[\[?\s*([^\]]+?)\s*\]\]?/.exec(text);
    const name = /^\s*([\w."-]+)\s*=/.exec(text)?.[1]?.replaceAll('"', "");
    if (head?.[1]) table = head[1];
    const path = head?.[1] ?? (name && (table ? `${table}.${name}` : name));
    if (path && !found.has(path)) found.set(path, place + 1);
  });
  for (let path = wanted; path; path = path.slice(0, Math.max(0, path.lastIndexOf(".")))) {
    const line = found.get(path);
    if (line !== undefined) return line;
  }
  return null;
}

/** An example of a recipe that takes what a run has made: as data where it learns, else as its model. */
export function using(example: string, stage: string, run: string | null): string {
  if (run === null) return example;
  const named = stage === "sft" || stage === "prefer" || stage === "pretrain" ? "data" : "model";
  return example.replace(new RegExp(`^${named} = ".*"$`, "m"), () => `${named} = ${JSON.stringify(run)}`);
}
