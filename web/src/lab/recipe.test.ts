import { describe, expect, it } from "vitest";
import { lineOf, mistakesOf, stageOf, using } from "./recipe";

const recipe = `stage = "sft"
model = "default"
[[sources]]
path = "x"
[training]
steps = "many"
optimizer = { learning_rate = -1 }`;

describe("the line of a field", () => {
  it("is found by itself, in its table, or by what it is in", () => {
    expect(lineOf(recipe, "model")).toBe(2);
    expect(lineOf(recipe, "training.steps")).toBe(6);
    expect(lineOf(recipe, "training.optimizer.learning_rate")).toBe(7);
    expect(lineOf(recipe, "sources[...].path")).toBe(4);
    expect(lineOf(recipe, "training.batch")).toBe(5);
  });

  it("is none where nothing like it is written", () => {
    expect(lineOf(recipe, "data")).toBeNull();
    expect(lineOf("", "data")).toBeNull();
  });
});

it("a recipe says its stage, or not yet", () => {
  expect(stageOf(recipe)).toBe("sft");
  expect(stageOf("model = 'x'\n  stage = 'evaluate' # of what is served")).toBe("evaluate");
  expect(stageOf('stage = ""')).toBeNull();
});

describe("what is wrong with a recipe", () => {
  it("is told mistake by mistake", () => {
    const message =
      "In the recipe, training.steps: Expected `int`, got `str`; data: it is missing; a: one; two.";
    expect(mistakesOf(recipe, message)).toEqual([
      { field: "training.steps", line: 6, text: "Expected `int`, got `str`" },
      { field: "data", line: null, text: "it is missing" },
      { field: "a", line: null, text: "one; two" },
    ]);
  });

  it("is told of the whole", () => {
    expect(mistakesOf(recipe, "In the recipe: There is nothing to measure: name tasks, or texts.")).toEqual([
      { field: null, line: null, text: "There is nothing to measure: name tasks, or texts" },
    ]);
    expect(mistakesOf(recipe, "There is a run sums.")).toEqual([
      { field: null, line: null, text: "There is a run sums." },
    ]);
  });

  it("is told with the line where it is no TOML", () => {
    const message = "The recipe is not TOML: Invalid value (at line 3, column 5).";
    expect(mistakesOf(recipe, message)).toEqual([{ field: null, line: 3, text: message }]);
  });
});

it("an example takes what a run has made", () => {
  expect(using(recipe, "evaluate", "taught")).toContain('model = "taught"');
  expect(using('stage = "sft"\ndata = "chats"\n', "sft", "$&")).toBe('stage = "sft"\ndata = "$&"\n');
  expect(using(recipe, "evaluate", null)).toBe(recipe);
});
