import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { takeInEarly } from "./api/queries";
import "./offline/installing";
import "./shell/keyboard";
import "./styles/app.css";

takeInEarly();
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
