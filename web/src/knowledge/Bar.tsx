/** How much of something is done, 0 to 1. */
export function Bar({ value, label }: { value: number; label: string }) {
  return (
    <progress
      max={1}
      value={value}
      aria-label={label}
      className="mt-1 block h-1 w-full max-w-60 appearance-none overflow-hidden rounded-full bg-line [&::-moz-progress-bar]:bg-accent [&::-webkit-progress-bar]:bg-line [&::-webkit-progress-value]:bg-accent"
    />
  );
}
