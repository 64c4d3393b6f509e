import { afterEach, describe, expect, it, vi } from "vitest";
import { EventParser, follow, type GenerationEvent } from "./events";

const log = [
  'id: 1\nevent: delta\ndata: {"text":"Once "}\n\n',
  ": heartbeat\n\n",
  'id: 2\nevent: delta\ndata: {"text":"upon a ☕"}\n\n',
  'id: 3\nevent: finished\ndata: {"status":"complete","finish_reason":"stop","usage":null,"error":null}\n\n',
  'id: 4\nevent: title\ndata: {"title":"Coffee"}\n\n',
  "id: 5\nevent: end\ndata: {}\n\n",
];

describe("server-sent events", () => {
  it.each([1, 2, 5, 1000])("are the same when they arrive %i characters at a time", (size) => {
    const parser = new EventParser();
    const text = log.join("");
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...parser.push(text.slice(at, at + size)));
    expect(found.map(({ id, event }) => `${id} ${event}`)).toEqual([
      "1 delta",
      "2 delta",
      "3 finished",
      "4 title",
      "5 end",
    ]);
  });

  it("may have any line ends, several data lines and no space after the colon", () => {
    const found = new EventParser().push("event:a\r\ndata:1\r\ndata: 2\r\n\r\ndata:x\r\rdata:y\n\n");
    expect(found).toEqual([
      { id: null, event: "a", data: "1\n2" },
      { id: null, event: "message", data: "x" },
      { id: null, event: "message", data: "y" },
    ]);
  });
});

function stream(...parts: string[]): Response {
  const encoder = new TextEncoder();
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const part of parts) controller.enqueue(encoder.encode(part));
        controller.close();
      },
    }),
  );
}

describe("following a generation", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("goes on after the last sequence number when the connection breaks off", async () => {
    const asked: string[] = [];
    const answers = [stream(log[0] ?? "", log[1] ?? ""), new Error("lost"), stream(...log.slice(2))];
    vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
      asked.push(headers["last-event-id"] ?? "");
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    });
    const received: GenerationEvent[] = [];
    const connected: boolean[] = [];
    await follow(
      "gen_1",
      new AbortController().signal,
      (event) => received.push(event),
      (alive) => connected.push(alive),
    );
    expect(asked).toEqual(["0", "1", "1"]);
    expect(received.flatMap((event) => (event.type === "delta" ? [event.text] : [])).join("")).toBe(
      "Once upon a ☕",
    );
    expect(received.at(-1)?.type).toBe("end");
    expect(connected).toEqual([true, false, false, true]);
  });

  it("gives up when there is no such generation", async () => {
    vi.stubGlobal(
      "fetch",
      async () => new Response(JSON.stringify({ code: "not_found", detail: "No." }), { status: 404 }),
    );
    const done = follow(
      "gen_1",
      new AbortController().signal,
      () => {},
      () => {},
    );
    await expect(done).rejects.toMatchObject({ status: 404, code: "not_found" });
  });
});
