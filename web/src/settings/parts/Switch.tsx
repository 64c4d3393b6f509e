interface Props {
  label: string;
  on: boolean;
  busy?: boolean;
  turn: (on: boolean) => void;
}

/** On or off, at once. */
export function Switch({ label, on, busy = false, turn }: Props) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={on}
      aria-label={label}
      aria-disabled={busy || undefined}
      onClick={() => {
        if (!busy) turn(!on);
      }}
      className={`relative h-6 w-11 flex-none rounded-full transition-colors duration-100 touch:before:absolute touch:before:-inset-2.5 ${on ? "bg-accent" : "bg-control"}`}
    >
      <span
        aria-hidden
        className={`absolute top-0.5 start-0.5 size-5 rounded-full bg-paper transition-transform duration-100 ${on ? "translate-x-5 rtl:-translate-x-5" : ""}`}
      />
    </button>
  );
}
