import { afterEach, describe, expect, it, vi } from "vitest";
import { call } from "./client";
import { conversationAskedEarly } from "./early";

const path = "/api/bootstrap";
const answering = (word: string) => new Response(JSON.stringify({ word }));

/** What the page asked for before its scripts were there, and what the server says when it is asked again. */
function asked(early: unknown) {
  window.early = new Map([[path, Promise.resolve(early)]]);
  const again = vi.fn(async () => answering("now"));
  vi.stubGlobal("fetch", again);
  return again;
}

describe("what was asked early", () => {
  afterEach(() => {
    delete window.early;
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });

  it("is not asked again, and answers once", async () => {
    const again = asked({ word: "early" });
    expect(await call("GET", path)).toEqual({ word: "early" });
    expect(again).not.toHaveBeenCalled();
    expect(await call("GET", path)).toEqual({ word: "now" });
  });

  it("is asked again where it was refused or never came", async () => {
    asked(null);
    expect(await call("GET", path)).toEqual({ word: "now" });
  });

  it("is no answer to what changes something", async () => {
    asked({ word: "early" });
    expect(await call("POST", path, {})).toEqual({ word: "now" });
  });

  it.each([
    ["is here", { word: "early" }, "conv_1"],
    ["was refused", null, undefined],
  ])("may be a conversation, which is known when it %s", async (_, answer, conversation) => {
    asked({ word: "early" });
    window.early?.set("/api/conversations/conv_1", Promise.resolve(answer));
    expect(await conversationAskedEarly()).toBe(conversation);
  });

  it("is soon no longer true", async () => {
    asked({ word: "early" });
    vi.spyOn(performance, "now").mockReturnValue(60_000);
    expect(await call("GET", path)).toEqual({ word: "now" });
  });
});
