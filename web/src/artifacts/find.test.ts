import { describe, expect, it } from "vitest";
import { artifactOf, blocksIn, fenced, fileName, versionsIn, versionsOf, withSource } from "./find";

const page = (title: string, body = "Hello") =>
  `\`\`\`html\n<!doctype html>\n<title>${title}</title>\n<p>${body}</p>\n\`\`\``;

function made(info: string, source: string) {
  const artifact = artifactOf({ info, source, whole: true, line: 1 });
  return artifact && { kind: artifact.kind, title: artifact.title };
}

describe("fenced blocks", () => {
  it("are found in order, with the last one still open", () => {
    expect(blocksIn("a\n```js\n1\n```\nb\n~~~ html\n<p>\n~~~\n```svg\n<svg>")).toEqual([
      { info: "js", source: "1", whole: true, line: 2 },
      { info: "html", source: "<p>", whole: true, line: 6 },
      { info: "svg", source: "<svg>", whole: false, line: 9 },
    ]);
  });

  it("end with a fence that is no shorter than the one that opens them", () => {
    expect(blocksIn("````md\n```js\n1\n```\n````\nafter")).toEqual([
      { info: "md", source: "```js\n1\n```", whole: true, line: 1 },
    ]);
  });

  it("in a list lose its indentation", () => {
    expect(blocksIn("- one\n\n  ```svg\n  <svg>\n    <g/>\n  </svg>\n  ```")[0]?.source).toBe(
      "<svg>\n  <g/>\n</svg>",
    );
  });
});

describe("what a block makes", () => {
  const long = Array.from({ length: 30 }, (_, line) => `line ${line}`).join("\n");

  it.each([
    ["html", "<!doctype html><title>Tea &amp; cake</title>", "page", "Tea & cake"],
    ["html", "<body><h1>The <em>menu</em></h1></body>", "page", "The menu"],
    ['html title="Shop"', "<p>x</p>", "page", "Shop"],
    ["html", "<svg viewBox='0 0 1 1'><title>Dot</title></svg>", "picture", "Dot"],
    ["svg", "<svg></svg>", "picture", ""],
    ["xml", '<?xml version="1.0"?>\n<svg></svg>', "picture", ""],
    ["mermaid", "graph TD; A-->B", "diagram", ""],
    ["mermaid", "---\ntitle: Order to cash\n---\ngraph TD", "diagram", "Order to cash"],
    ["jsx", "export default function Counter() { return <p/>; }", "component", "Counter"],
    ["tsx", "const App = () => <p/>;\nexport default App;", "component", "App"],
    ["markdown", `# A *plan*\n${long}`, "document", "A plan"],
    ["python", `# tools/report.py\n${long}`, "code", "tools/report.py"],
    ["js:src/app.js", "1", "code", "src/app.js"],
  ])("%s: %s", (info, source, kind, title) => {
    expect(made(info, source)).toEqual({ kind, title });
  });

  it.each([
    ["html", "<b>bold</b>"],
    ["xml", "<note/>"],
    ["jsx", "<Button onClick={save} />"],
    ["markdown", "# Short"],
    ["python", "print(1)"],
    ["", "plain"],
  ])("an example of %s stays where it is: %s", (info, source) => {
    expect(made(info, source)).toBeNull();
  });
});

describe("versions", () => {
  const replies = [
    { id: "one", text: `${page("Shop")}\n${page("Blog")}` },
    { id: "two", text: "No blocks here." },
    { id: "three", text: page("shop", "Open") },
    { id: "four", text: `${page("Shop", "Left")}\n${page("Shop", "Right")}` },
  ];

  it("are what has the same kind and title in later replies", () => {
    const all = versionsIn(replies);
    const first = all[0] as (typeof all)[number];
    expect(versionsOf(all, first).map(({ message }) => message)).toEqual(["one", "three", "four"]);
  });

  it("two of one name in one reply are two things", () => {
    const all = versionsIn(replies);
    const right = all.at(-1) as (typeof all)[number];
    expect(right.source).toContain("Right");
    expect(versionsOf(all, right)).toEqual([right]);
  });

  it("follow a reply that is being written", () => {
    const [before] = versionsIn([{ id: "w", text: "```html\n<!doctype html>\n<ti" }]);
    const [after] = versionsIn([{ id: "w", text: page("Done") }]);
    expect([before?.whole, before?.title]).toEqual([false, ""]);
    expect([after?.whole, after?.title]).toEqual([true, "Done"]);
  });
});

describe("another source", () => {
  it("takes the place of the old one, in the same reply and as far in", () => {
    const text = "Before\n\n- x\n\n  ```svg\n  <svg>\n  </svg>\n  ```\n\nAfter";
    const [one] = versionsIn([{ id: "edited", text }]);
    expect(withSource(text, one as NonNullable<typeof one>, "<svg>\n\n<g/></svg>")).toBe(
      "Before\n\n- x\n\n  ```svg\n  <svg>\n\n  <g/></svg>\n  ```\n\nAfter",
    );
  });

  it("is fenced with more than it has inside", () => {
    const artifact = {
      kind: "document",
      title: "",
      language: "md",
      source: "",
      whole: true,
      line: 1,
    } as const;
    expect(fenced(artifact, "```js\n1\n```\n")).toBe("````md\n```js\n1\n```\n````");
  });
});

describe("the name of a download", () => {
  it.each([
    [{ kind: "page", title: "Thé & gâteaux", language: "html" }, "the-gateaux.html"],
    [{ kind: "code", title: "report.py", language: "python" }, "report.py"],
    [{ kind: "code", title: "", language: "python" }, "untitled.py"],
    [{ kind: "component", title: "Counter", language: "tsx" }, "counter.tsx"],
  ] as const)("%o: %s", (artifact, name) => {
    expect(fileName({ ...artifact, source: "", whole: true, line: 1 }, "untitled")).toBe(name);
  });
});
