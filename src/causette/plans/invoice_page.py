"""An invoice as a page to print, in English or in French."""

from datetime import datetime
from html import escape
from string import Template
from typing import Final, Literal

from causette.plans.billing import Invoice

Language = Literal["en", "fr"]

_MONTHS: Final[dict[Language, str]] = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "invoice": "Invoice",
        "credit": "Credit note",
        "issued": "Issued",
        "due": "Due",
        "for": "For",
        "period": "Period",
        "what": "Description",
        "quantity": "Quantity",
        "amount": "Amount",
        "total": "Total",
        "open": "To be paid",
        "paid": "Paid",
        "void": "Void: not to be paid",
    },
    "fr": {
        "invoice": "Facture",
        "credit": "Avoir",
        "issued": "Émise le",
        "due": "Échéance",
        "for": "À l'attention de",
        "period": "Période",
        "what": "Désignation",
        "quantity": "Quantité",
        "amount": "Montant",
        "total": "Total",
        "open": "À payer",
        "paid": "Payée",
        "void": "Annulée : à ne pas payer",
    },
}
_PAGE: Final = Template("""<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$heading $number</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #111; background: #fff; max-width: 44rem; margin: 2rem auto;
  padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 2rem 0 }
th, td { text-align: start; padding: .5rem; border-bottom: 1px solid #767676 }
td.n, th.n { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap }
dt { font-weight: 600 }
dd { margin: 0 0 .5rem }
@media print { body { margin: 0 } }
</style>
</head>
<body>
<h1>$heading $number</h1>
<dl>
<dt>$word_for</dt><dd>$name<br>$email</dd>
<dt>$word_issued</dt><dd>$issued</dd>
<dt>$word_period</dt><dd>$start – $end</dd>
$due
</dl>
<table>
<thead><tr><th scope="col">$word_what</th><th scope="col" class="n">$word_quantity</th>
<th scope="col" class="n">$word_amount</th></tr></thead>
<tbody>
$lines
</tbody>
<tfoot><tr><th scope="row" colspan="2">$word_total</th><td class="n"><strong>$total</strong></td></tr></tfoot>
</table>
<p>$state</p>
</body>
</html>
""")


def invoice_page(invoice: Invoice, language: Language) -> str:
    """``invoice`` as a whole HTML document without scripts; whatever people wrote is escaped."""
    words = _WORDS[language]

    def money(units: int) -> str:
        amount = invoice.amount(units).replace("-", "−")
        return (
            f"{amount.replace('.', ',')} {invoice.currency}"
            if language == "fr"
            else f"{invoice.currency} {amount}"
        )

    lines = "\n".join(
        f"<tr><td>{escape(line.text[language])}</td><td class='n'>{line.quantity}</td>"
        f"<td class='n'>{money(line.amount)}</td></tr>"
        for line in invoice.lines
    )
    due = f"<dt>{words['due']}</dt><dd>{_day(invoice.due_at, language)}</dd>" if invoice.total > 0 else ""
    return _PAGE.substitute(
        {f"word_{name}": word for name, word in words.items()},
        lang=language,
        heading=words["invoice" if invoice.total >= 0 else "credit"],
        number=escape(invoice.number),
        name=escape(invoice.recipient.name),
        email=escape(invoice.recipient.email),
        issued=_day(invoice.issued_at, language),
        start=_day(invoice.period_start, language),
        end=_day(invoice.period_end, language),
        due=due,
        lines=lines,
        total=money(invoice.total),
        state=words[invoice.status],
    )


def _day(instant: datetime, language: Language) -> str:
    month = _MONTHS[language].split()[instant.month - 1]
    return f"{instant.day} {month} {instant.year}"
