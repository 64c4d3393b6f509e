import { describe, expect, it } from "vitest";
import type { Conversation, Message, Thread } from "~/api/types";
import { endOf, merged, onBranch, upTo, withChanged, withEarlier, withLater, withNew, without } from "./run";

function message(id: string, parent: string | null, versions = [id]): Message {
  return {
    id,
    parent_id: parent,
    conversation_id: "conv_1",
    role: "user",
    content: id,
    model: null,
    status: "complete",
    error: null,
    finish_reason: null,
    generation_id: null,
    corrects_id: null,
    created_at: "2026-01-01T00:00:00Z",
    versions,
  };
}

const conversation = { id: "conv_1", current_message_id: "f" } as Conversation;

/** Letters in a row, each the child of the one before; `above` is the parent of the first. */
function thread(letters: string, above: string | null = null, facts: Partial<Thread> = {}): Thread {
  const messages = [...letters].map((id, at) => message(id, letters[at - 1] ?? above));
  const end = letters.at(-1) ?? null;
  return { conversation, messages, earlier: above !== null, later: false, end, ...facts };
}

const shown = ({ messages }: Pick<Thread, "messages">) => messages.map(({ id }) => id).join("");

describe("a run of a conversation's messages", () => {
  it("ends at a message that it has", () => {
    const { messages } = thread("abc");
    expect(shown({ messages: [...upTo(messages, "b")] })).toBe("ab");
    expect(upTo(messages, null)).toEqual([]);
    expect(upTo(messages, "c")).toBe(messages);
    expect(upTo(messages, "x")).toBe(messages);
  });

  it("is cut to its end", () => {
    const cut = endOf(thread("abcd"), 2);
    expect([shown(cut), cut.earlier]).toEqual(["cd", true]);
    expect(endOf(thread("ab"), 2).earlier).toBe(false);
  });

  it("loses what is being deleted and what follows it, and its versions", () => {
    const known = thread("abcd", null, { later: true, end: "z" });
    const left = without(known, new Set(["c"]));
    expect([shown(left), left.later, left.end]).toEqual(["ab", false, "b"]);
    expect(without(known, new Set())).toBe(known);
    const versions = { ...known, messages: [message("a", null, ["a", "x"])] };
    expect(without(versions, new Set(["x"])).messages[0]?.versions).toEqual(["a"]);
    expect(without(versions, new Set(["y"])).messages[0]).toBe(versions.messages[0]);
  });

  it("grows at its end, and shows a new branch from where it forks", () => {
    const grown = withNew(thread("ab"), [message("c", "b"), message("d", "c")], conversation);
    expect([shown(grown), grown.end]).toEqual(["abcd", "d"]);
    expect(shown(withNew(thread("abcd"), [message("x", "b")], conversation))).toBe("abx");
    expect(shown(withNew(thread("abcd"), [message("x", null)], conversation))).toBe("x");
    expect(shown(withNew(thread("cd", "b"), [message("x", "a")], conversation))).toBe("cd");
  });

  it("changes what it has and nothing else", () => {
    const known = thread("ab");
    const done = { ...message("b", "a"), content: "done" };
    const changed = withChanged(known, [done, message("x", null)]);
    expect(changed.messages).toEqual([known.messages[0], done]);
    expect(changed.messages[0]).toBe(known.messages[0]);
  });

  it("keeps what was read before where it meets what is read now", () => {
    const whole = merged(thread("abcd"), thread("cdef", "b"));
    expect([shown(whole), whole.earlier]).toEqual(["abcdef", false]);
    expect(shown(merged(thread("abcd"), thread("xyz", "w")))).toBe("xyz");
    expect(shown(merged(undefined, thread("xyz", "w")))).toBe("xyz");
    const middle = merged(
      thread("abcdef", null, { later: true, end: "z" }),
      thread("bcd", "a", { later: true, end: "z" }),
    );
    expect([shown(middle), middle.later]).toEqual(["abcdef", true]);
    expect(shown(merged(thread("abcdef"), thread("bcd", "a", { later: true, end: "y" })))).toBe("abcd");
  });

  it("takes in what comes before and after, unless it has moved on meanwhile", () => {
    const early = withEarlier(thread("cd", "b"), thread("ab"));
    expect([shown(early), early.earlier]).toEqual(["abcd", false]);
    expect(shown(withEarlier(thread("abcd"), thread("ab")))).toBe("abcd");
    const late = withLater(thread("ab", null, { later: true }), thread("cd", "b"));
    expect([shown(late), late.later, late.end]).toEqual(["abcd", false, "d"]);
    expect(shown(withLater(thread("abx"), thread("cd", "b")))).toBe("abx");
  });

  it("shows another version in the place of the one shown", () => {
    const known = thread("bcd", "a");
    const read = {
      ...thread("xyz", "b"),
      messages: [message("b", "a"), ...thread("xyz", "b").messages],
    };
    const walked = onBranch(known, "x", read);
    expect([shown(walked), walked.earlier, walked.end]).toEqual(["bxyz", true, "z"]);
    expect(onBranch(thread("mn", "l"), "x", read)).toBe(read);
  });
});
