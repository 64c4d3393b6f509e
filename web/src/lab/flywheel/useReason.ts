import { useAmounts } from "~/settings/money/amounts";
import { reasonOf } from "./wheel";
import { useWheelWords } from "./words";

/** Says why a turn ended, in the reader's language where the server's words are known. */
export function useReason(): (said: string) => string {
  const t = useWheelWords().past;
  const { count } = useAmounts();
  return (said) => {
    const reason = reasonOf(said);
    if (reason?.kind === "stopped") return t.stopped(reason.by);
    return reason ? t.few(count(reason.had), count(reason.least)) : said;
  };
}
