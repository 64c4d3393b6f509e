import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** This close to the end counts as being there, in pixels. */
const NEAR = 64;

/**
 * Keeps a reader who is at the end of a growing thread at its end, and leaves everybody else where they are.
 *
 * Scrolling up, by whatever means, lets go; coming back to the end takes hold again.
 */
export function useFollow(viewport: RefObject<HTMLElement | null>, content: RefObject<HTMLElement | null>) {
  const following = useRef(true);
  const [atEnd, setAtEnd] = useState(true);

  const toEnd = useCallback(
    (smooth = false) => {
      const element = viewport.current;
      if (!element) return;
      following.current = true;
      const calm = smooth && !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      // A leap over many screens is no help to the eye.
      const near = element.scrollHeight - element.scrollTop < element.clientHeight * 4;
      element.scrollTo({ top: element.scrollHeight, behavior: calm && near ? "smooth" : "instant" });
    },
    [viewport],
  );

  /** Leaves the reader where they are from now on. */
  const letGo = useCallback(() => {
    following.current = false;
  }, []);

  useLayoutEffect(() => toEnd(), [toEnd]);

  useEffect(() => {
    const element = viewport.current;
    const inside = content.current;
    if (!element || !inside) return;
    let top = element.scrollTop;
    let height = element.scrollHeight;
    const scrolled = () => {
      const near = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
      // Content that shrinks also moves the scroll position; only a reader's own move upwards lets go.
      if (element.scrollTop < top - 1 && element.scrollHeight >= height) following.current = near;
      else if (near) following.current = true;
      top = element.scrollTop;
      height = element.scrollHeight;
      setAtEnd(near);
    };
    const resized = new ResizeObserver(() => {
      if (following.current) element.scrollTop = element.scrollHeight;
      scrolled();
    });
    resized.observe(inside);
    resized.observe(element);
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      resized.disconnect();
      element.removeEventListener("scroll", scrolled);
    };
  }, [viewport, content]);

  return { atEnd, toEnd, letGo };
}
