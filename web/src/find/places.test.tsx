// @vitest-environment jsdom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { describe, expect, it, vi } from "vitest";
import type { Part } from "~/chat/parts/parts";
import shown from "../../../tests/assistant/thread/shown.json";
import { asLookedFor, placesIn } from "./places";

vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
const { WithSources } = await import("~/knowledge/Sources");
const { Markdown } = await import("~/markdown/Markdown");
const { typeset } = await import("~/markdown/typesetting");

function message(html: string): Element {
  const element = document.createElement("article");
  element.innerHTML = `<div class="reply">${html}</div>`;
  return element;
}

const found = (html: string, wanted: string) =>
  placesIn(message(html), asLookedFor(wanted)).map((range) => range.toString());

describe("places", () => {
  it("are found whatever the case, the accents and the quotes", () => {
    expect(found("<p>L’Élève et l'eleve : une œuvre</p>", "l'élève")).toEqual(["L’Élève", "l'eleve"]);
    expect(found("<p>Une œuvre</p>", "OEUVRE")).toEqual(["œuvre"]);
  });

  it("go over what only looks different, and over the end of a line", () => {
    expect(found("<p>the <strong>big</strong>\n house</p>", "the big house")).toEqual(["the big\n house"]);
    expect(found("<p>one</p><p>two</p>", "onetwo")).toEqual([]);
    expect(found("<p>one</p><p>two</p>", "one two")).toEqual(["onetwo"]);
  });

  it("are not in what belongs to the page", () => {
    expect(found("<p>Copy</p><button>Copy</button><span class='sr-only'>Copy</span>", "copy")).toEqual([
      "Copy",
    ]);
    expect(found("<p>Anything</p>", " ")).toEqual([]);
  });
});

describe("what is drawn of a reply", () => {
  it("has the numbers of what it cites, as they are written", async () => {
    const reply = document.createElement("div");
    reply.className = "reply";
    const article = document.createElement("article");
    article.append(reply);
    const sources = [1, 2].map((n) => ({ type: "page", n, title: `Page ${n}`, url: "https://example.org" }));
    const parts = [{ type: "sources", items: sources }] as unknown as readonly Part[];
    const text = "The crane is 12 m high [1], the quay 21 [1, 2], and a[3].";
    await act(async () =>
      createRoot(reply).render(
        <WithSources parts={parts} text={text} done={false} conversation="conv_1">
          <Markdown text={text} writing={false} />
        </WithSources>,
      ),
    );
    await vi.waitFor(() => expect(reply.querySelectorAll(".cite")).toHaveLength(3));
    const marked = (wanted: string) =>
      placesIn(article, asLookedFor(wanted)).map((range) => range.toString());
    expect(marked("high [1]")).toEqual(["high 1"]);
    expect(marked("[1, 2]")).toEqual(["12"]);
    expect(marked("2")).toEqual(["2", "2", "12"]);
    expect(marked("a[3]")).toEqual(["a[3]"]);
  });

  // What the server counts in the same Markdown is tested with the same file.
  it.each(shown)("has as many places as the server counts: $why", async ({ markdown, counts }) => {
    expect(typeset).toBeDefined();
    const reply = document.createElement("div");
    reply.className = "reply";
    const article = document.createElement("article");
    article.append(reply);
    await act(async () => createRoot(reply).render(<Markdown text={markdown} writing={false} />));
    await act(async () => {});
    const found = Object.keys(counts).map((wanted) => [
      wanted,
      placesIn(article, asLookedFor(wanted)).length,
    ]);
    expect(Object.fromEntries(found)).toEqual(counts);
  });
});
