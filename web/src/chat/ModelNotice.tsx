import { useWords } from "~/i18n";
import { useConversation } from "./context";

/** Says in words that the model is starting or away. */
export function ModelNotice() {
  const t = useWords();
  const { model, models } = useConversation();
  if (!models || model?.state === "ready") return null;
  const text =
    model === undefined
      ? t.model.noneNotice
      : model.state === "starting"
        ? t.model.startingNotice(model.title)
        : `${t.model.downNotice(model.title)}${models.length > 1 ? ` ${t.model.downChoose}` : ""}`;
  return (
    <p role="status" className="late appear flex items-baseline gap-2.5 px-2 py-2.5 text-muted text-sm">
      <span
        aria-hidden
        className={`size-1.5 flex-none -translate-y-0.5 rounded-full ${model?.state === "starting" ? "animate-[breathe_1.2s_ease-in-out_infinite] bg-caution" : "bg-danger"}`}
      />
      {text}
    </p>
  );
}
