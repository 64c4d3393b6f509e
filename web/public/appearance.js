// Runs before the first paint, so that a chosen theme, language or reading face never flashes in late.
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
})();
