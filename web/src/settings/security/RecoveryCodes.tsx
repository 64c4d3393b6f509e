import { Printer } from "lucide-react";
import { Button } from "~/ui/Button";
import { useCopy } from "~/ui/useCopy";
import { CopyButton } from "../parts/Kept";
import { Panel } from "../parts/Panel";
import { useSettingsWords } from "../words";

/** The codes for when the phone is lost, on paper or in a safe place. They are seen this once. */
export function RecoveryCodes({ codes, close }: { codes: readonly string[]; close: () => void }) {
  const t = useSettingsWords().twoStep;
  const { copied, copy } = useCopy();
  return (
    <Panel title={t.codesTitle} lead={t.codesLead} close={close} leave={t.kept} wide firm>
      <div data-print>
        <p className="hidden font-serif text-lg print:block">{t.printTitle}</p>
        <ul className="grid gap-x-6 sm:grid-cols-2 gap-y-1.5 rounded-sm border border-line bg-paper px-5 py-4 font-mono text-sm">
          {codes.map((code) => (
            <li key={code} className="whitespace-nowrap">
              {code}
            </li>
          ))}
        </ul>
      </div>
      <div className="flex gap-2">
        <CopyButton copied={copied} words={t} copy={() => copy(codes.join("\n"))} />
        <Button look="outline" className="h-9! px-3!" onClick={() => window.print()}>
          <Printer aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {t.print}
        </Button>
      </div>
    </Panel>
  );
}
