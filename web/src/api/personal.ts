import { call, id } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Instructions = Schemas["InstructionsOut"];
export type InstructionsChange = Schemas["InstructionsPatch"];

export type Memory = Schemas["MemoryOut"];
export type Memories = Schemas["MemoryList"];

/** The calls about what makes replies one's own. All reject with a `Problem`. */
export const personal = {
  instructions: () => call<Instructions>("GET", "/api/instructions"),
  changeInstructions: (change: InstructionsChange) =>
    call<Instructions>("PATCH", "/api/instructions", change),
  memories: () => call<Memories>("GET", "/api/memories"),
  turnMemory: (enabled: boolean) => call<Memories>("PATCH", "/api/memories", { enabled }),
  writeMemory: (text: string) => call<Memory>("POST", "/api/memories", { text }),
  changeMemory: (memory: string, text: string) =>
    call<Memory>("PATCH", `/api/memories/${id(memory)}`, { text }),
  forget: (memory: string) => call<void>("DELETE", `/api/memories/${id(memory)}`),
  forgetAll: () => call<void>("DELETE", "/api/memories"),
};
