import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
const { Markdown } = await import("./Markdown");

let place: HTMLElement;
let root: ReturnType<typeof createRoot>;

beforeEach(() => {
  place = document.createElement("div");
  root = createRoot(place);
});
afterEach(() => act(() => root.unmount()));

function shown(text: string, writing = false): HTMLElement {
  act(() => root.render(<Markdown text={text} writing={writing} />));
  return place;
}

describe("what a model wrote", () => {
  it.each([
    "<script>alert(1)</script>",
    'a <img src=x onerror="alert(1)"> b',
    "<iframe src='https://example.org'></iframe>",
    "<svg onload=alert(1)>",
    "<style>body{display:none}</style>",
    "<div><form action=/><button>go</button></form></div>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "![picture](https://example.org/pixel.png)",
    "- <b onclick=alert(1)>x</b>",
  ])("never becomes markup or a request: %s", (text) => {
    const page = shown(text);
    expect(page.querySelector("script, img, iframe, form, style, object, embed, b")).toBeNull();
    for (const element of page.querySelectorAll("*"))
      for (const { name } of element.attributes) expect(name).not.toMatch(/^on/);
  });

  it.each([
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x)",
    "[x](/sign-out)",
    "<javascript:alert(1)>",
  ])("has no link that runs or stays here: %s", (text) => {
    expect(shown(text).querySelector("a")).toBeNull();
  });

  it("links elsewhere without giving the other page a hold on this one", () => {
    const link = shown("[x](https://example.org/a?b=c)").querySelector("a");
    expect(link?.getAttribute("href")).toBe("https://example.org/a?b=c");
    expect(link?.rel).toContain("noopener");
  });

  it("shows pictures as links", () => {
    const link = shown("![a cat](https://example.org/cat.png)").querySelector("a");
    expect(link?.textContent).toContain("a cat");
  });

  it("keeps the characters of references and escapes", () => {
    expect(shown("&eacute;t&#233; &amp; \\*stars\\* `a &amp; b`").textContent).toBe(
      "été & *stars* a &amp; b",
    );
  });

  it("has headings below those of the page", () => {
    expect(shown("# One\n\n###### Six").querySelector("h1, h2")).toBeNull();
  });

  it("lets each block read in the direction of its own letters, and code from left to right", () => {
    const page = shown("مرحبا\n\nHello\n\n- שלום\n\n> أهلا\n\n```\nx = 1\n```");
    const directions = [...page.querySelectorAll("p, ul, blockquote, pre")].map((block) => [
      block.tagName.toLowerCase(),
      block.getAttribute("dir"),
    ]);
    expect(directions).toEqual([
      ["p", "auto"],
      ["p", "auto"],
      ["ul", "auto"],
      ["blockquote", "auto"],
      // A block inside goes with the one around it.
      ["p", null],
      ["pre", "ltr"],
    ]);
  });

  it("does not draw finished blocks again while the rest is being written", () => {
    const first = shown("One **bold**.\n\nTwo", true).querySelector("p");
    const same = shown("One **bold**.\n\nTwo and more", true).querySelector("p");
    expect(same).toBe(first);
  });
});
