import { CloudOff } from "lucide-react";
import { useConnection } from "~/api/connection";
import { useWords } from "~/i18n";

/** Says that the network or the server is away, for as long as it is. */
export function ConnectionBanner() {
  const t = useWords();
  const connection = useConnection();
  return (
    <div role="status">
      {connection !== "ok" && (
        <p className="late flex items-center justify-center gap-2.5 border-line border-b bg-tint px-4 py-2 text-center text-sm">
          <CloudOff aria-hidden className="size-4 flex-none text-muted" strokeWidth={1.75} />
          {t.network[connection]}
        </p>
      )}
    </div>
  );
}
