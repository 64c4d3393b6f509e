import { Check, Copy } from "lucide-react";
import { Button } from "~/ui/Button";
import { useCopy } from "~/ui/useCopy";

interface Props {
  label: string;
  value: string;
  words: { copy: string; copied: string };
}

/** Something that is shown once, and ready to be carried off. */
export function Kept({ label, value, words }: Props) {
  const { copied, copy } = useCopy();
  return (
    <div>
      <p className="mb-1.5 font-medium text-sm">{label}</p>
      <div className="flex items-center gap-2 rounded-sm border border-line bg-paper py-1.5 pe-1.5 ps-3">
        <code className="min-w-0 flex-1 select-all break-all font-mono text-sm">{value}</code>
        <CopyButton copied={copied} words={words} copy={() => copy(value)} />
      </div>
    </div>
  );
}

export function CopyButton({
  copied,
  copy,
  words,
}: {
  copied: boolean;
  copy: () => void;
  words: Props["words"];
}) {
  return (
    <Button look="outline" className="h-9! flex-none px-3!" onClick={copy}>
      {copied ? (
        <Check aria-hidden className="size-4 text-positive" />
      ) : (
        <Copy aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
      )}
      <span aria-live="polite">{copied ? words.copied : words.copy}</span>
    </Button>
  );
}
