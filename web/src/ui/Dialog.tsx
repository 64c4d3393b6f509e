import { type ReactNode, useEffect, useRef } from "react";
import { usePushed } from "./usePushed";

interface Props {
  label: string;
  close: () => void;
  children: ReactNode;
  className?: string;
  /** A sheet comes from the side and fills the height; a panel stands in the middle. */
  look?: "panel" | "sheet";
}

/** A modal dialog: the browser's own, so focus is kept inside and Escape closes it. */
export function Dialog({ label, close, children, className = "", look = "panel" }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  usePushed(dialog, look === "sheet", close);
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    // The browser would begin at the first button, which is the one that closes.
    element?.querySelector<HTMLElement>("[data-begin]")?.focus();
    return () => {
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes the dialog, as the browser has it
    <dialog
      ref={dialog}
      aria-label={label}
      className={`${look} ${className}`}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={(event) => {
        // The backdrop is the dialog's own; what is inside covers the rest of it.
        if (event.target === event.currentTarget) close();
      }}
    >
      {children}
    </dialog>
  );
}
