import { type AuditEntry, admin } from "~/api/admin";
import { explainCode } from "~/api/problems";
import { useWords } from "~/i18n";
import { useAmounts } from "~/settings/money/amounts";
import { Page } from "~/settings/parts/Page";
import { Mark, Row } from "~/settings/parts/Rows";
import { List } from "../List";
import { usePlanTitle } from "../titles";
import { useConsoleWords } from "../words";

/** What those who run the house did. */
export default function Audit() {
  const t = useConsoleWords().audit;
  const amounts = useAmounts();
  const told = useTold();
  return (
    <Page title={t.title} lead={t.lead}>
      <List name="audit" label={t.title} empty={t.empty} load={(_, before) => admin.audit(before)}>
        {(entry) => (
          <Row
            key={entry.id}
            title={
              <>
                {t.acts[entry.act] ?? entry.act}
                <span className="font-normal"> · {entry.target}</span>
              </>
            }
            mark={entry.outcome !== "done" && <Mark>{t[entry.outcome]}</Mark>}
            facts={[amounts.moment(entry.at), t.by(entry.actor), told(entry)]}
          />
        )}
      </List>
    </Page>
  );
}

/** What else is known of an act, in words: money in dollars, plans by their titles. */
function useTold() {
  const all = useWords();
  const t = useConsoleWords().audit;
  const amounts = useAmounts();
  const planTitle = usePlanTitle();
  const said = (name: string, value: unknown, details: AuditEntry["details"]): string => {
    if (typeof value === "number") {
      const isMoney = name.endsWith("_nano") || (name === "amount" && details.meter === "money");
      return isMoney ? amounts.dollars(value) : amounts.count(value);
    }
    if (name === "plan") return planTitle(String(value));
    return t.values[name]?.[String(value)] ?? String(value);
  };
  return ({ details, refusal }: AuditEntry): string | null => {
    const known = Object.entries(details)
      .filter(
        ([name, value]) =>
          value !== null && value !== 0 && value !== "" && name !== "reference" && name !== "report_id",
      )
      .map(([name, value]) => {
        const label = t.details[name];
        return label ? `${label}: ${said(name, value, details)}` : said(name, value, details);
      });
    const why = refusal && (t.refusals[refusal] ?? explainCode(refusal, all) ?? refusal);
    return [...known, ...(why ? [why] : [])].join(" · ") || null;
  };
}
