import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Lightbulb, Wrench } from "lucide-react";
import { threadQuery } from "~/api/queries";
import { assistantQuery } from "~/assistants/queries";
import { Menu, MenuChecks, MenuChoices } from "~/ui/Menu";
import { useConversation } from "../context";
import { toolsQuery } from "./calls";
import { useOptions } from "./options";
import { usePartWords } from "./words";

const button =
  "inline-flex h-9 flex-none items-center gap-1.5 rounded-full px-3 text-sm transition-colors duration-100 hover:bg-tint hover:text-ink data-[state=open]:bg-tint data-[state=open]:text-ink touch:h-11";
const EFFORTS = ["off", "low", "medium", "high"] as const;

/** How long to think, and what to use: for the next replies of this conversation. */
export function Controls() {
  const t = usePartWords();
  const { id, model } = useConversation();
  const thread = useQuery({ ...threadQuery(id ?? ""), enabled: id !== null });
  const { data: tools } = useQuery(toolsQuery);
  const { assistant } = useParams({ strict: false });
  const custom = useQuery({ ...assistantQuery(assistant ?? ""), enabled: !id && assistant !== undefined });
  const begins = custom.data && { effort: custom.data.effort, tools: custom.data.tools };
  const [options, choose] = useOptions(id, thread.data?.conversation.options ?? (id ? null : begins));
  const effort = options.effort ?? "medium";
  const on = tools?.items.filter(({ name }) => options.tools.includes(name)) ?? [];
  return (
    <>
      {model?.thinks && (
        <Menu
          side="top"
          className="w-72 max-w-[calc(100vw-1rem)]"
          trigger={
            <button
              type="button"
              aria-label={t.controls.effort(t.controls.efforts[effort])}
              className={`${button} ${effort === "off" ? "text-muted" : "text-accent"}`}
            >
              <Lightbulb aria-hidden className="size-4" strokeWidth={1.75} />
              <span className="max-sm:sr-only">{t.controls.efforts[effort]}</span>
            </button>
          }
        >
          <MenuChoices
            label={t.controls.effortLabel}
            value={effort}
            choose={(value) => choose({ effort: value })}
            choices={EFFORTS.map((value) => ({
              value,
              content: <Named title={t.controls.efforts[value]} hint={t.controls.effortHints[value]} />,
            }))}
          />
        </Menu>
      )}
      {tools && tools.items.length > 0 && (
        <Menu
          side="top"
          className="w-80 max-w-[calc(100vw-1rem)]"
          trigger={
            <button
              type="button"
              aria-label={on.length > 0 ? t.controls.toolsOn(on.length) : t.controls.tools}
              className={`${button} ${on.length > 0 ? "text-accent" : "text-muted"}`}
            >
              <Wrench aria-hidden className="size-4" strokeWidth={1.75} />
              <span className="tabular-nums">{on.length > 0 ? on.length : null}</span>
            </button>
          }
        >
          <MenuChecks
            label={t.controls.toolsLabel}
            values={options.tools}
            change={(names) => choose({ tools: names })}
            choices={tools.items.map((tool) => {
              const hint = t.step.hints[tool.name] ?? tool.description;
              return {
                value: tool.name,
                content: (
                  <Named
                    title={t.step.names[tool.name] ?? tool.title}
                    hint={tool.read_only ? hint : `${hint} (${t.controls.asks})`}
                  />
                ),
              };
            })}
          />
          {tools.most_samples > 1 && (
            <MenuChoices
              label={t.controls.samples}
              value={String(options.samples)}
              choose={(value) => choose({ samples: Number(value) })}
              choices={[1, ...[3, 5, 9, 16].filter((count) => count <= tools.most_samples)].map((count) => ({
                value: String(count),
                content: count === 1 ? t.controls.one : t.controls.several(count),
              }))}
            />
          )}
        </Menu>
      )}
    </>
  );
}

function Named({ title, hint }: { title: string; hint: string }) {
  return (
    <span className="block py-0.5">
      <span className="block font-medium">{title}</span>
      <span className="block text-muted text-xs">{hint}</span>
    </span>
  );
}
