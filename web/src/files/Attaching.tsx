import { Paperclip } from "lucide-react";
import { useEffect, useState } from "react";
import { IconButton } from "~/ui/IconButton";
import { Choose } from "./Choose";
import { useFileWords } from "./words";

/** The button that attaches files, and the window as a place to drop them. */
export function Attaching({
  attach,
  allowed,
}: {
  attach: (files: Iterable<globalThis.File>) => void;
  /** Whether one's plan has files. Where it does not, trying says so. */
  allowed: boolean;
}) {
  const t = useFileWords();
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const enter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth += 1;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const move = (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      attach(event.dataTransfer.files);
    };
    window.addEventListener("dragenter", enter);
    window.addEventListener("dragleave", leave);
    window.addEventListener("dragover", move);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragenter", enter);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("dragover", move);
      window.removeEventListener("drop", drop);
    };
  }, [attach]);
  return (
    <>
      <Choose chosen={attach}>
        {(open) => (
          <IconButton
            label={t.attach}
            icon={Paperclip}
            onClick={() => (allowed ? open() : attach([]))}
            className="rounded-full"
          />
        )}
      </Choose>
      {over && (
        <div className="pointer-events-none fixed inset-0 z-50 flex items-center justify-center bg-[color-mix(in_oklab,var(--paper)_80%,transparent)] p-4">
          <p className="rounded-lg border-2 border-accent border-dashed bg-raised px-8 py-6 font-serif text-lg shadow-soft">
            {allowed ? t.drop : t.notInPlan}
          </p>
        </div>
      )}
    </>
  );
}
