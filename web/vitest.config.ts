import { mergeConfig } from "vite";
import { defineConfig } from "vitest/config";
import app from "./vite.config.ts";

export default mergeConfig(
  app,
  // A machine that others use as well takes its time.
  defineConfig({
    test: {
      environment: "jsdom",
      include: ["src/**/*.test.{ts,tsx}"],
      testTimeout: 30_000,
      hookTimeout: 30_000,
    },
  }),
);
