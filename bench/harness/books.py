"""Whether the books of a Causette say exactly what its clients saw."""

import sqlite3
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from causette.ledger.prices import Price
from causette.ledger.types import Quantities
from harness.workers import output_of

#: Answers by their tokens of input and of output.
Sizes = Counter[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Difference:
    """What the books and the clients do not agree on: requests, nano-dollars charged, nano-dollars out of balance."""

    requests: int
    charge_nano: int
    unbalanced_nano: int

    @property
    def total(self) -> int:
        """0 when the books are exact."""
        return self.requests + self.charge_nano + self.unbalanced_nano


class _Verdict(msgspec.Struct):
    """What ``causette ledger verify --json`` prints."""

    checks: list[str]
    problems: list[msgspec.Raw]


async def problems(data: Path) -> int:
    """How much ``causette ledger verify`` finds wrong with the books in the folder ``data``."""
    command = (sys.executable, "-m", "causette", "ledger", "verify", "--json", "--data", data)
    verdict = msgspec.json.decode(await output_of(*command, codes=(0, 1)), type=_Verdict)
    assert verdict.checks, "nothing was checked"
    return len(verdict.problems)


def difference(database: Path, answered: Sizes) -> Difference:
    """The books in the SQLite file ``database`` against the answers that clients got, all of them complete."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT state, outcome, input_tokens, output_tokens, charge_nano, document"
            " FROM ledger_requests JOIN ledger_prices ON ledger_prices.id = price_id"
        ).fetchall()
        sums = connection.execute("SELECT SUM(amount_nano) FROM ledger_postings GROUP BY book").fetchall()
    prices = {document: Price(**msgspec.json.decode(document)) for document in {row[-1] for row in rows}}
    booked, wrong = Sizes(), 0
    for state, outcome, input_tokens, output_tokens, charge, document in rows:
        booked[input_tokens, output_tokens] += (state, outcome) == ("settled", "completed")
        used = Quantities(input_tokens=input_tokens, output_tokens=output_tokens)
        wrong += abs(charge - prices[document].charge(used))
    unfinished = len(rows) - booked.total()
    apart = (booked - answered).total() + (answered - booked).total()
    return Difference(apart + unfinished, wrong, sum(abs(total) for (total,) in sums))
