import { MessageCircleDashed } from "lucide-react";
import { useEffect } from "react";
import { api } from "~/api/client";
import { useOrganiseWords } from "~/organise/words";
import { IconButton } from "~/ui/IconButton";

/** Has the conversation not yet begun be one that leaves nothing behind. */
export function TemporarySwitch({ on, set }: { on: boolean; set: (on: boolean) => void }) {
  const t = useOrganiseWords();
  return (
    <div className="absolute top-[calc(0.375rem+env(safe-area-inset-top))] end-14 z-10 md:end-3">
      <IconButton
        label={on ? t.temporaryOn : t.temporaryOff}
        icon={MessageCircleDashed}
        pressed={on}
        onClick={() => set(!on)}
      />
    </div>
  );
}

export function TemporaryNote() {
  const t = useOrganiseWords();
  return (
    <p className="flex flex-none items-center justify-center gap-2 border-line border-b border-dashed px-4 py-2 text-center text-muted text-sm">
      <MessageCircleDashed aria-hidden className="size-4 flex-none" strokeWidth={1.75} />
      {t.temporaryBanner}
    </p>
  );
}

/** Keeps a temporary conversation for as long as it is shown. Who leaves closes it; a reload opens it again. */
export function useHeldOpen(conversation: string | null): void {
  useEffect(() => {
    if (!conversation) return;
    const hold = (open: boolean) => api.holdOpen(conversation, open).catch(() => {});
    const leave = () => hold(false);
    const back = ({ persisted }: PageTransitionEvent) => persisted && hold(true);
    hold(true);
    window.addEventListener("pagehide", leave);
    window.addEventListener("pageshow", back);
    return () => {
      window.removeEventListener("pagehide", leave);
      window.removeEventListener("pageshow", back);
      leave();
    };
  }, [conversation]);
}
