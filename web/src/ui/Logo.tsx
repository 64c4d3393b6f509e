/** Two people in one bubble. */
export function Logo({ className = "size-6" }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className={className}>
      <path
        className="fill-accent"
        d="M16 4C8.8 4 3 9.2 3 15.6c0 3.5 1.7 6.6 4.5 8.8-.2 1.6-.9 3-2 4.2-.4.4-.1 1.1.5 1 2.7-.3 5-1.3 6.7-2.9 1.1.2 2.2.4 3.3.4 7.2 0 13-5.2 13-11.5S23.2 4 16 4Z"
      />
      <circle className="fill-paper" cx="11.5" cy="15.6" r="1.9" />
      <circle className="fill-paper" cx="20.5" cy="15.6" r="1.9" />
    </svg>
  );
}
