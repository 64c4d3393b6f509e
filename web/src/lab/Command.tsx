import { Check, Copy } from "lucide-react";
import { IconButton } from "~/ui/IconButton";
import { useCopy } from "~/ui/useCopy";
import { useLabWords } from "./words";

/** A command to be typed, ready to be carried off. */
export function Command({ text }: { text: string }) {
  const t = useLabWords().runs;
  const { copied, copy } = useCopy();
  return (
    <div
      dir="ltr"
      className="flex items-center gap-2 rounded-sm border border-line bg-paper py-1 pe-1 ps-3 text-start"
    >
      <code className="min-w-0 flex-1 break-words font-mono text-sm">{text}</code>
      <IconButton
        label={copied ? t.copied : t.copy}
        icon={copied ? Check : Copy}
        onClick={() => copy(text)}
        small
      />
    </div>
  );
}

/** A text in another language than the page's, as it is, with a way to carry it off. */
export function Source({ label, text }: { label: string; text: string }) {
  const t = useLabWords().runs;
  const { copied, copy } = useCopy();
  return (
    <div dir="ltr" className="relative rounded-sm border border-line bg-raised text-start">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must be able to reach it */}
      <section aria-label={label} tabIndex={0} className="max-h-96 overflow-auto rounded-sm">
        <pre className="w-max min-w-full py-3 pe-14 ps-4 font-mono text-sm leading-relaxed">{text}</pre>
      </section>
      <span className="absolute end-1.5 top-1.5 rounded-sm bg-raised">
        <IconButton
          label={copied ? t.copied : t.copy}
          icon={copied ? Check : Copy}
          onClick={() => copy(text)}
          small
        />
      </span>
    </div>
  );
}
