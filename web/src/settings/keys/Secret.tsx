import { useQuery } from "@tanstack/react-query";
import type { NewKey } from "~/api/accounts";
import { modelsQuery } from "~/api/queries";
import { useCopy } from "~/ui/useCopy";
import { CopyButton, Kept } from "../parts/Kept";
import { Panel } from "../parts/Panel";
import { useSettingsWords } from "../words";

/** The key itself, this once, and a line to try it with. */
export function Secret({ made, close }: { made: NewKey; close: () => void }) {
  const t = useSettingsWords().keys;
  const { data: models } = useQuery(modelsQuery);
  const { copied, copy } = useCopy();
  const line = example(
    made,
    window.location.origin,
    models?.find(({ kind }) => kind === "text")?.name ?? "default",
  );
  return (
    <Panel title={t.secretTitle} lead={t.secretLead} close={close} leave={t.kept} wide firm>
      <Kept label={t.secret} value={made.secret} words={t} />
      <div>
        <div className="mb-1.5 flex items-end justify-between">
          <p className="font-medium text-sm">{t.tryIt}</p>
          <CopyButton copied={copied} words={t} copy={() => copy(line)} />
        </div>
        <pre className="whitespace-pre-wrap rounded-sm border border-line bg-paper px-3 py-2.5 font-mono text-xs leading-relaxed [overflow-wrap:anywhere]">
          {line}
        </pre>
      </div>
    </Panel>
  );
}

/** A request that the key may make. */
function example({ secret, scopes }: NewKey, origin: string, model: string): string {
  const can = (scope: (typeof scopes)[number]) => scopes.includes("all") || scopes.includes(scope);
  const key = `  -H "Authorization: Bearer ${secret}"`;
  const body = (path: string, content: object) =>
    `curl ${origin}/v1/${path} \\\n${key} \\\n  -H "Content-Type: application/json" \\\n  -d '${JSON.stringify(content)}'`;
  if (can("inference"))
    return body("chat/completions", { model, messages: [{ role: "user", content: "Hello" }] });
  if (can("embeddings")) return body("embeddings", { model: "embedding", input: "Hello" });
  return `curl ${origin}/v1/models \\\n${key}`;
}
