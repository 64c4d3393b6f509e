// Runs before the first paint, so that a chosen theme, language or reading face never flashes in late; and asks for
// what the page will show, while the scripts that show it are on their way.
(() => {
  const root = document.documentElement;
  const kept = (name) => {
    try {
      return localStorage.getItem(`causette.${name}`);
    } catch {
      return null;
    }
  };
  const theme = kept("theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  if (kept("reading") === "serif") root.dataset.reading = "serif";
  const locale = kept("locale") ?? navigator.language;
  root.lang = locale.toLowerCase().startsWith("fr") ? "fr" : "en";

  const workspace = kept("workspace");
  const ask = (path, headers) =>
    // Read as soon as it is here, while there is nothing else to do. The app asks again where this came to nothing, and
    // tells what is wrong.
    [
      path,
      fetch(path, { credentials: "same-origin", headers })
        .then((answer) => (answer.ok ? answer.json() : null))
        .catch(() => null),
    ];
  const talk = location.search === "" ? /^\/c\/([\w-]+)$/.exec(location.pathname)?.[1] : undefined;
  // The first paint is the outline of what will be there: of the page of somebody who was here, or who has been sent here.
  if (talk || (location.pathname === "/" && kept("kept"))) root.dataset.outline = talk ? "thread" : "bare";
  if (kept("sidebar") === "closed") root.dataset.sidebar = "closed";
  window.early = new Map([
    ask("/api/bootstrap", {}),
    ...(talk
      ? [ask(`/api/conversations/${talk}`, workspace ? { "x-causette-workspace": workspace } : {})]
      : []),
  ]);
})();
