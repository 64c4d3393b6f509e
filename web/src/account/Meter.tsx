import { useWords } from "~/i18n";
import { strength } from "./strength";

const steps = ["weak", "fair", "good", "strong"] as const;

/** How strong the password is: four bars, and the same in a word. */
export function Meter({ password, known }: { password: string; known: string[] }) {
  const t = useWords();
  if (password === "") return t.setup.passwordHint;
  const found = strength(password, known);
  const reached = found === "short" ? 0 : steps.indexOf(found) + 1;
  const colour = reached < 2 ? "bg-danger" : reached < 3 ? "bg-caution" : "bg-positive";
  return (
    <span className="flex items-center gap-3" aria-live="polite">
      <span aria-hidden className="flex flex-1 gap-1">
        {steps.map((step, index) => (
          <span
            key={step}
            className={`h-1 flex-1 rounded-full ${index < reached ? colour : "bg-tint-strong"}`}
          />
        ))}
      </span>
      <span className="sr-only">{t.setup.strength.label}: </span>
      {t.setup.strength[found]}
    </span>
  );
}
