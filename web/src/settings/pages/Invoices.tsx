import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight, Printer } from "lucide-react";
import { type Invoice, money } from "~/api/money";
import { useLocale } from "~/i18n";
import { Button } from "~/ui/Button";
import { Trouble } from "~/ui/Trouble";
import type { PageProps } from "../Frame";
import { useAmounts } from "../money/amounts";
import { invoicesQuery } from "../money/queries";
import { useMoneyWords } from "../money/words";
import { Loaded } from "../parts/Loaded";
import { Page } from "../parts/Page";
import { Empty, Mark } from "../parts/Rows";
import { useWhen } from "../parts/when";

/** What was invoiced; or one invoice, to be read and printed. */
export default function Invoices({ item }: PageProps) {
  return item ? <One key={item} id={item} /> : <All />;
}

function useTitle() {
  const t = useMoneyWords().invoices;
  return ({ number, total }: Invoice) => (Number(total) < 0 ? t.creditNote(number) : t.number(number));
}

function All() {
  const t = useMoneyWords().invoices;
  const amounts = useAmounts();
  const { day } = useWhen();
  const title = useTitle();
  const query = useQuery(invoicesQuery);
  return (
    <Page title={t.title} lead={t.lead}>
      <Loaded query={query}>
        {(invoices) =>
          invoices.length === 0 ? (
            <Empty text={t.empty} />
          ) : (
            <ul aria-label={t.title} className="divide-y divide-line border-line border-y">
              {invoices.map((invoice) => (
                <li key={invoice.id}>
                  <Link
                    to="/settings/$page/$item"
                    params={{ page: "invoices", item: invoice.id }}
                    className="-mx-2 flex items-center gap-4 rounded-sm px-2 py-3 transition-colors duration-100 hover:bg-tint"
                  >
                    <span className="min-w-0 flex-1 leading-snug">
                      <span className="flex flex-wrap items-center gap-x-2.5 font-medium">
                        {title(invoice)}
                        <Mark look={invoice.status === "paid" ? "good" : "plain"}>
                          {t.status[invoice.status]}
                        </Mark>
                      </span>
                      <span className="mt-0.5 block text-muted text-sm">
                        {t.issued(day(invoice.issued_at))}
                        {invoice.status === "open" && ` · ${t.due(day(invoice.due_at))}`}
                      </span>
                    </span>
                    <span className="tabular-nums">{amounts.price(invoice.total, invoice.currency)}</span>
                    <ChevronRight aria-hidden className="size-4 flex-none text-muted" />
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Page>
  );
}

function One({ id }: { id: string }) {
  const t = useMoneyWords().invoices;
  const query = useQuery({ queryKey: ["plan", "invoice", id], queryFn: () => money.invoice(id) });
  const back = (
    <Link
      to="/settings/$page"
      params={{ page: "invoices" }}
      className="mb-4 inline-block text-muted text-sm underline-offset-4 hover:text-ink hover:underline max-md:hidden"
    >
      {t.all}
    </Link>
  );
  return (
    <>
      {back}
      {query.error && !query.data ? (
        <Trouble text={t.gone} />
      ) : (
        <Loaded query={query}>{(invoice) => <Sheet invoice={invoice} />}</Loaded>
      )}
    </>
  );
}

function Sheet({ invoice }: { invoice: Invoice }) {
  const t = useMoneyWords().invoices;
  const locale = useLocale();
  const amounts = useAmounts();
  const { day } = useWhen();
  const title = useTitle();
  const say = (amount: string) => amounts.price(amount, invoice.currency);
  return (
    <article data-print aria-label={title(invoice)}>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <h1 className="font-serif text-xl tracking-tight">{title(invoice)}</h1>
        <Mark look={invoice.status === "paid" ? "good" : "plain"}>{t.status[invoice.status]}</Mark>
        <Button look="outline" className="ms-auto print:hidden" onClick={() => window.print()}>
          <Printer aria-hidden className="size-4 text-muted" strokeWidth={1.75} />
          {t.print}
        </Button>
      </div>
      <p className="mt-1.5 text-muted">
        {t.issued(day(invoice.issued_at))}
        {" · "}
        {invoice.paid_at ? t.paidOn(day(invoice.paid_at)) : t.due(day(invoice.due_at))}
      </p>
      <p className="text-muted text-sm">{t.period(day(invoice.period_start), day(invoice.period_end))}</p>
      <table className="mt-8 w-full border-collapse text-sm tabular-nums">
        <thead>
          <tr className="border-control border-b">
            <th scope="col" className="py-2 text-start font-medium">
              {t.what}
            </th>
            <th scope="col" className="py-2 ps-6 text-end font-medium">
              {t.quantity}
            </th>
            <th scope="col" className="py-2 ps-6 text-end font-medium">
              {t.amount}
            </th>
          </tr>
        </thead>
        <tbody>
          {invoice.lines.map((line) => (
            <tr key={`${line.text.en} ${line.amount}`} className="border-line border-b">
              <td className="py-2">{line.text[locale] ?? line.text.en}</td>
              <td className="py-2 ps-6 text-end">{amounts.count(line.quantity)}</td>
              <td className="py-2 ps-6 text-end">{say(line.amount)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colSpan={2} className="py-3 text-start font-medium">
              {t.total}
            </th>
            <td className="py-3 ps-6 text-end font-medium">{say(invoice.total)}</td>
          </tr>
        </tfoot>
      </table>
    </article>
  );
}
