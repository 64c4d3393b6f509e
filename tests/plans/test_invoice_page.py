"""The page that is printed: what it says in each language, and that nobody writes into it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from causette.plans.billing import Invoice, InvoiceLine, Recipient
from causette.plans.invoice_page import invoice_page

INVOICE = Invoice(
    id="inv_1",
    number="2026-000042",
    payer_id="user_1",
    subscription_id="sub_1",
    status="open",
    recipient=Recipient(name="<script>alert(1)</script>", email='"a"@example.org'),
    currency="EUR",
    lines=(InvoiceLine(text={"en": "<b>Plus</b>", "fr": "Plus : non utilisé"}, quantity=2, amount=4400),),
    total=4400,
    period_start=datetime(2026, 2, 1, tzinfo=UTC),
    period_end=datetime(2026, 3, 1, tzinfo=UTC),
    issued_at=datetime(2026, 2, 1, tzinfo=UTC),
    due_at=datetime(2026, 2, 15, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Invoice 2026-000042", "EUR 44.00", "15 February 2026", "To be paid", 'lang="en"']),
        ("fr", ["Facture 2026-000042", "44,00 EUR", "15 février 2026", "À payer", "Plus : non utilisé"]),
    ],
)
def test_an_invoice_says_what_it_asks_for(language: str, words: list[str]) -> None:
    page = invoice_page(INVOICE, language)  # type: ignore[arg-type]
    for word in words:
        assert word in page


def test_what_people_wrote_is_text_and_not_markup() -> None:
    page = invoice_page(INVOICE, "en")
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_credit_note_is_called_so_and_asks_for_nothing() -> None:
    line = InvoiceLine(text={"en": "Plus: unused", "fr": "Plus : non utilisé"}, quantity=1, amount=-500)
    page = invoice_page(replace(INVOICE, total=-500, lines=(line,), status="paid"), "fr")
    assert "Avoir 2026-000042" in page
    assert "−5,00 EUR" in page
    assert "Échéance" not in page


def test_currencies_without_decimals_show_none() -> None:
    assert "JPY 4400" in invoice_page(replace(INVOICE, currency="JPY"), "en")
