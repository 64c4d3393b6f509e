import { BranchPickerPrimitive, useAuiState } from "@assistant-ui/react";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { useLocale, useWords } from "~/i18n";
import { IconButton } from "~/ui/IconButton";

/** ‹ 2/3 ›: walks between the versions of a message. */
export function Branches() {
  const t = useWords();
  const locale = useLocale();
  const number = useAuiState((s) => s.message.branchNumber).toLocaleString(locale);
  const count = useAuiState((s) => s.message.branchCount).toLocaleString(locale);
  return (
    <BranchPickerPrimitive.Root
      hideWhenSingleBranch
      role="group"
      aria-label={t.message.branches}
      className="flex items-center text-muted text-xs tabular-nums"
    >
      <BranchPickerPrimitive.Previous asChild>
        <IconButton label={t.message.previous} icon={ChevronLeft} small />
      </BranchPickerPrimitive.Previous>
      <span role="img" aria-label={t.message.branch(number, count)}>
        {number}/{count}
      </span>
      <BranchPickerPrimitive.Next asChild>
        <IconButton label={t.message.next} icon={ChevronRight} small />
      </BranchPickerPrimitive.Next>
    </BranchPickerPrimitive.Root>
  );
}
