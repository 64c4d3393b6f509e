/** The frame in which Python runs: it starts the worker, and passes on what the two sides say. */
declare const workerSource: string;

const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
const worker = new Worker(url);
worker.onmessage = ({ data }) => window.parent.postMessage(data, "*");
worker.onerror = (event) => {
  event.preventDefault();
  window.parent.postMessage({ type: "broken", message: event.message }, "*");
};
window.addEventListener("message", ({ source, data }) => {
  if (source === window.parent) worker.postMessage(data);
});
