import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Conversation } from "~/api/types";
import { preferences } from "~/preferences";
import { endedOutOfSight } from "./alerts";
import { nameTab, note, seen } from "./unseen";

const conversation = { id: "conv_1", title: "On lighthouses" } as Conversation;
const showNotification = vi.fn(async (_title: string, _options: NotificationOptions) => {});
let hidden = true;

function turn(away: boolean): void {
  hidden = away;
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.spyOn(document, "hidden", "get").mockImplementation(() => hidden);
  vi.stubGlobal("Notification", { permission: "default", requestPermission: async () => "granted" });
  Object.defineProperty(navigator, "serviceWorker", {
    configurable: true,
    value: { getRegistration: async () => ({ showNotification }) },
  });
  nameTab("On tea");
});

afterEach(() => {
  seen(conversation.id);
  turn(true);
  preferences.set("alerts", null);
  showNotification.mockClear();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("a long reply that ends out of sight is told by its title alone, a short one not", async () => {
  preferences.set("alerts", "on");
  endedOutOfSight(conversation, 5_000);
  await Promise.resolve();
  expect(showNotification).not.toHaveBeenCalled();
  endedOutOfSight(conversation, 30_000);
  await vi.waitFor(() => expect(showNotification).toHaveBeenCalledOnce());
  const [title, options] = showNotification.mock.calls[0] ?? [];
  expect(title).toBe("On lighthouses");
  expect(options).toMatchObject({ data: "/c/conv_1", tag: "conv_1", body: "The reply is ready." });
});

test("nothing is told to those who did not ask for it; they are offered it once, when they are back", () => {
  endedOutOfSight(conversation, 30_000);
  expect(preferences.get("alerts")).toBeNull();
  turn(false);
  expect(preferences.get("alerts")).toBe("off");
  expect(showNotification).not.toHaveBeenCalled();
});

test("the tab says how many conversations wait to be looked at", () => {
  note(conversation.id);
  note("conv_2");
  expect(document.title).toBe("(2) On tea · Causette");
  nameTab(null);
  expect(document.title).toBe("(2) Causette");
  seen("conv_2");
  seen(conversation.id);
  expect(document.title).toBe("Causette");
});
