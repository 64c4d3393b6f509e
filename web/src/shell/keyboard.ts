/** Smaller differences are the browser's own bars; pixels. */
const KEYBOARD = 120;

const seen = window.visualViewport;

/**
 * Where a keyboard lies over the page instead of making it smaller (Safari on iOS knows no `interactive-widget`), the
 * page is made as high as what is seen of it, so that the composer stands on the keyboard.
 */
seen?.addEventListener("resize", () => {
  const { style } = document.documentElement;
  const covered = window.innerHeight - seen.height * seen.scale;
  if (covered > KEYBOARD) {
    style.setProperty("--seen", `${Math.round(seen.height * seen.scale)}px`);
    window.scrollTo(0, 0);
  } else style.removeProperty("--seen");
});
