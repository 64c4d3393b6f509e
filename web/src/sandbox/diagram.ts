/** The frame of Mermaid diagrams. */
import mermaid from "mermaid";
import { listen, say, told } from "./messages";

const place = document.body.appendChild(document.createElement("div"));
place.className = "diagram";
let count = 0;

listen(async ({ source, whole, dark }) => {
  if (!whole) return;
  document.documentElement.style.cssText = dark ? "color-scheme:dark;background:#1f1e1b" : "";
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    suppressErrorRendering: true,
    // Mermaid's own choice would be ELK, which is not here.
    layout: "dagre",
    state: { layout: "dagre" },
    theme: dark ? "dark" : "neutral",
    fontFamily: "ui-sans-serif, system-ui, sans-serif",
  });
  try {
    count += 1;
    const { svg } = await mermaid.render(`diagram-${count}`, source);
    place.innerHTML = svg;
  } catch (error) {
    say({ type: "error", message: told(error) });
  }
  say({ type: "shown" });
});
