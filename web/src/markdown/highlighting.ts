import type { Root } from "hast";
import { common, createLowlight } from "lowlight";

const lowlight = createLowlight(common);
lowlight.registerAlias({
  bash: ["console", "shell-session", "zsh"],
  json: ["jsonc", "json5"],
  xml: ["vue", "svelte"],
});

/** Colours code in a language by name or alias; null for languages not known here. */
export function highlight(source: string, language: string): Root | null {
  const name = language.toLowerCase();
  return lowlight.registered(name) ? lowlight.highlight(name, source) : null;
}
