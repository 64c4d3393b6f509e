import { describe, expect, it } from "vitest";
import { BlockReader, type MathsToken, mend, type Token, type Tokens } from "./blocks";

const sample = `# Title

A paragraph with **bold**, \`code\` and $a^2 + b^2$.

- one

- two

  inside two

1. first
2. second

| a | b |
|---|---|
| 1 | 2 |

\`\`\`python
def f():

    return 1
\`\`\`

> quoted
> twice

$$
\\int_0^1 x\\,dx
$$

Setext
------

The end, with [a link][ref].

[ref]: https://example.org
`;

function visible(tokens: Token[]): { type: string; raw: string }[] {
  return tokens.filter(({ type }) => type !== "space").map(({ type, raw }) => ({ type, raw: raw.trimEnd() }));
}

function inline(text: string): Token[] {
  return (new BlockReader().read(text)[0] as Tokens.Paragraph).tokens;
}

describe("reading Markdown as it grows", () => {
  it("gives the same blocks, wherever the text is cut on its way", () => {
    const whole = visible(new BlockReader().read(sample));
    for (const step of [1, 3, 7, 31]) {
      const reader = new BlockReader();
      for (let end = step; end < sample.length; end += step) reader.read(sample.slice(0, end));
      expect(visible(reader.read(sample))).toEqual(whole);
    }
  });

  it("keeps finished blocks as the same objects", () => {
    const reader = new BlockReader();
    const before = reader.read("One.\n\nTwo.\n\nThr");
    const after = reader.read("One.\n\nTwo.\n\nThree.");
    expect(after[0]).toBe(before[0]);
    expect(after[2]).toBe(before[2]);
    expect(after[4]).not.toBe(before[4]);
  });

  it("starts again when the text is another one", () => {
    const reader = new BlockReader();
    reader.read("One.\n\nTwo.\n\nThree.");
    expect(visible(reader.read("Else.\n\nMore."))).toEqual([
      { type: "paragraph", raw: "Else." },
      { type: "paragraph", raw: "More." },
    ]);
  });
});

describe("mathematics", () => {
  it.each([
    ["$x$", "x", false],
    ["$$x$$ here", "x", true],
    ["\\(x_1\\)", "x_1", false],
    ["so \\[x\\] too", "x", true],
  ])("is read in %s", (text, source, display) => {
    const found = inline(text).find(({ type }) => type === "maths") as MathsToken | undefined;
    const block = new BlockReader().read(text)[0] as unknown as MathsToken;
    expect(found ?? block).toMatchObject({ source, display });
  });

  it("is not read into prices", () => {
    expect(inline("It costs $5 or $10, not $ 3 $.").some(({ type }) => type === "maths")).toBe(false);
  });

  it("is not read in code", () => {
    expect(inline("`$x$`").map(({ type }) => type)).toEqual(["codespan"]);
  });
});

describe("the loose ends of a text being written", () => {
  it.each([
    ["some **bold", "some **bold**"],
    ["some **", "some "],
    ["run `npm", "run `npm`"],
    ["see [the docs](https://exa", "see the docs"],
    ["see [the do", "see the do"],
    ["```js\nlet a = **", "```js\nlet a = **"],
    ["all **done** here", "all **done** here"],
  ])("%j becomes %j", (text, mended) => {
    expect(mend(text)).toBe(mended);
  });
});
