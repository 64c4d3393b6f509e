import { X } from "lucide-react";
import type { FormEvent, ReactNode } from "react";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { useSettingsWords } from "../words";

interface Props {
  title: string;
  lead?: ReactNode;
  close: () => void;
  children?: ReactNode;
  /** What it does, on its button; without one there is nothing to send. */
  submit?: { label: string; busy: boolean; run: () => void; danger?: boolean };
  /** What leaves it: "Cancel" where there is something to send, else "Done". */
  leave?: string;
  wide?: boolean;
  /** Holds what is shown once: only its own buttons close it, no key and no touch beside it. */
  firm?: boolean;
}

/** A small form over the page: a title, what it asks, and what it does. */
export function Panel({ title, lead, close, children, submit, leave, wide = false, firm = false }: Props) {
  const t = useSettingsWords();
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!submit?.busy) submit?.run();
  };
  return (
    <Dialog
      label={title}
      close={firm ? () => {} : close}
      className={`fixed inset-0 m-auto h-fit max-h-[calc(100dvh-2rem)] overflow-y-auto rounded-lg bg-raised shadow-soft ${wide ? "w-[min(34rem,calc(100vw-2rem))]" : "w-[min(27rem,calc(100vw-2rem))]"}`}
    >
      <form onSubmit={send} noValidate className="p-6">
        <header className="flex items-start gap-3">
          <div className="me-auto min-w-0">
            <h2 className="text-balance font-serif text-lg leading-snug">{title}</h2>
            {lead && <div className="mt-1 text-pretty text-muted text-sm">{lead}</div>}
          </div>
          {!firm && <IconButton label={t.close} icon={X} onClick={close} small className="-mt-1 -me-2" />}
        </header>
        {children !== undefined && <div className="mt-5 space-y-5">{children}</div>}
        <footer className="sticky bottom-0 -mx-6 mt-3 -mb-6 flex flex-wrap justify-end gap-2 rounded-b-lg bg-raised px-6 pt-4 pb-6">
          <Button look={submit ? "quiet" : "primary"} onClick={close}>
            {leave ?? (submit ? t.cancel : t.done)}
          </Button>
          {submit && (
            <Button type="submit" look={submit.danger ? "danger" : "primary"} disabled={submit.busy}>
              {submit.label}
            </Button>
          )}
        </footer>
      </form>
    </Dialog>
  );
}
