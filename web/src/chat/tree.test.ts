import { describe, expect, it } from "vitest";
import type { Conversation, Message, Thread } from "~/api/types";
import { childrenOf, headOf, leafUnder, pathTo, withMessages } from "./tree";

function message(id: string, parent: string | null): Message {
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
    created_at: "2026-01-01T00:00:00Z",
  };
}

// a ─ b ─ c ─ d
//     └ e ─ f      (e is the newer sibling of c)
const messages = [
  message("a", null),
  message("b", "a"),
  message("c", "b"),
  message("d", "c"),
  message("e", "b"),
  message("f", "e"),
];

function thread(current: string | null): Thread {
  const conversation = { id: "conv_1", current_message_id: current } as Conversation;
  return { conversation, messages };
}

describe("a conversation's tree", () => {
  it("shows the branch that the server remembers", () => {
    expect(headOf(thread("d"))).toBe("d");
  });

  it("goes on to the leaf when an inner message is remembered", () => {
    expect(headOf(thread("c"))).toBe("d");
  });

  it("shows the newest branch when none is remembered, or one that is gone", () => {
    expect(headOf(thread(null))).toBe("f");
    expect(headOf(thread("gone"))).toBe("f");
  });

  it("has no head when it is empty", () => {
    expect(leafUnder(childrenOf([]), null)).toBeNull();
  });

  it("is read from the root to the head", () => {
    expect(pathTo(messages, "d").map(({ id }) => id)).toEqual(["a", "b", "c", "d"]);
    expect(pathTo(messages, "f").map(({ id }) => id)).toEqual(["a", "b", "e", "f"]);
    expect(pathTo(messages, null)).toEqual([]);
  });

  it("replaces what it knows and appends what is new", () => {
    const changed = withMessages(thread("f"), [{ ...message("f", "e"), content: "new" }, message("g", "f")]);
    expect(changed.messages.map(({ id }) => id)).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
    expect(changed.messages[5]?.content).toBe("new");
  });
});
