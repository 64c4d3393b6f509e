import { ChevronDown } from "lucide-react";
import type { Model } from "~/api/types";
import { useLocale, useWords } from "~/i18n";
import { spaced } from "~/i18n/typography";
import { Menu, MenuChoices } from "~/ui/Menu";
import { useConversation } from "./context";

const dot: Record<Model["state"], string> = {
  ready: "bg-positive",
  starting: "bg-caution animate-[breathe_1.2s_ease-in-out_infinite]",
  down: "bg-danger",
};

/** Which model replies, and whether it is ready to. */
export function ModelPicker() {
  const t = useWords();
  const locale = useLocale();
  const { model, models, chooseModel } = useConversation();
  if (!models) return null;
  if (!model) return <span className="px-2.5 text-muted text-sm">{t.model.none}</span>;
  return (
    <Menu
      side="top"
      className="w-80 max-w-[calc(100vw-1rem)]"
      trigger={
        <button
          type="button"
          aria-label={t.model.choose(model.title)}
          className="inline-flex h-9 min-w-0 items-center gap-2 rounded-full px-3 text-muted text-sm transition-colors duration-100 hover:bg-tint hover:text-ink data-[state=open]:bg-tint data-[state=open]:text-ink touch:h-11"
        >
          <span aria-hidden className={`size-1.5 flex-none rounded-full ${dot[model.state]}`} />
          <span className="truncate">{model.title}</span>
          <ChevronDown aria-hidden className="size-3.5 flex-none" />
        </button>
      }
    >
      <MenuChoices
        label={t.model.label}
        value={model.name}
        choose={chooseModel}
        choices={models.map((each) => ({
          value: each.name,
          content: (
            <span className="block py-1">
              <span className="flex items-center gap-2 font-medium">
                {each.title}
                {each.state !== "ready" && (
                  <span className="flex items-center gap-1.5 font-normal text-muted text-xs">
                    <span aria-hidden className={`size-1.5 rounded-full ${dot[each.state]}`} />
                    {t.model[each.state]}
                  </span>
                )}
              </span>
              <span className="block text-muted text-xs">{spaced(each.description[locale] ?? "")}</span>
              <span className="block text-muted text-xs tabular-nums">
                {t.model.context(each.context.toLocaleString(locale))}
              </span>
            </span>
          ),
        }))}
      />
    </Menu>
  );
}
