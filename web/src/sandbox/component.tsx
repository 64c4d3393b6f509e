/** The frame of React components: compiled here, with nothing to import but React. */
import * as React from "react";
import { Component, type ComponentType, type ReactNode } from "react";
import * as runtime from "react/jsx-runtime";
import * as dom from "react-dom";
import * as client from "react-dom/client";
import { transform } from "sucrase";
import { listen, say, told, watch } from "./messages";

const modules: Record<string, unknown> = {
  react: React,
  "react-dom": dom,
  "react-dom/client": client,
  "react/jsx-runtime": runtime,
};

function required(name: string): unknown {
  const found = modules[name];
  if (!found)
    throw new Error(`"${name}" cannot be imported here. There is: ${Object.keys(modules).join(", ")}.`);
  return found;
}

/** The component that a file exports, or the one called App. */
function componentOf(source: string): ComponentType {
  const { code } = transform(source, {
    transforms: ["jsx", "typescript", "imports"],
    jsxRuntime: "automatic",
    production: true,
  });
  const exported: Record<string, unknown> = {};
  // Models like to leave imports and the export out.
  const run = new Function(
    "require",
    "exports",
    "React",
    `${code}\n;return typeof App === "undefined" ? undefined : App;`,
  );
  const app: unknown = run(required, exported, React);
  const found = exported.default ?? exported.App ?? app ?? Object.values(exported).find(isComponent);
  if (!isComponent(found)) throw new Error("There is no component to show: export one as default.");
  return found;
}

function isComponent(value: unknown): value is ComponentType {
  return typeof value === "function" || (typeof value === "object" && value !== null && "$$typeof" in value);
}

class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  // No frame is waited for: one that cannot be seen yet draws none.
  override componentDidMount(): void {
    say({ type: "shown" });
  }

  override componentDidCatch(error: unknown): void {
    say({ type: "error", message: told(error) });
  }

  override render(): ReactNode {
    return this.state.failed ? null : this.props.children;
  }
}

watch();
const place = document.body.appendChild(document.createElement("div"));
let root: client.Root | undefined;

listen(({ source, whole }) => {
  if (!whole) return;
  root?.unmount();
  // What the boundary catches is told once, by itself.
  root = client.createRoot(place, { onCaughtError: () => {} });
  try {
    const Shown = componentOf(source);
    root.render(
      <Boundary>
        <Shown />
      </Boundary>,
    );
  } catch (error) {
    say({ type: "error", message: told(error) });
    say({ type: "shown" });
  }
});
