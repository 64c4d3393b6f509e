import { afterEach, describe, expect, it, vi } from "vitest";
import { call } from "./client";

const path = "/api/bootstrap";
const answering = (word: string, status = 200) => new Response(JSON.stringify({ word }), { status });

/** What the page asked for before its scripts were there, and what the server says when it is asked again. */
function asked(early: Response | null) {
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
    const again = asked(answering("early"));
    expect(await call("GET", path)).toEqual({ word: "early" });
    expect(again).not.toHaveBeenCalled();
    expect(await call("GET", path)).toEqual({ word: "now" });
  });

  it.each([
    ["was refused", answering("no", 401)],
    ["never came", null],
  ])("is asked again where it %s", async (_, early) => {
    asked(early);
    expect(await call("GET", path)).toEqual({ word: "now" });
  });

  it("is no answer to what changes something", async () => {
    asked(answering("early"));
    expect(await call("POST", path, {})).toEqual({ word: "now" });
  });

  it("is soon no longer true", async () => {
    asked(answering("early"));
    vi.spyOn(performance, "now").mockReturnValue(60_000);
    expect(await call("GET", path)).toEqual({ word: "now" });
  });
});
