"""What changing a plan in the middle of a month costs: pure arithmetic on whole numbers.

A period is charged in advance. After each change its charges add up to the time-weighted price of all that was and
will be in force in it, rounded once. Roundings of single changes do not pile up: each change is charged the difference
between what the whole period should have cost by then and what has been charged.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One month of a subscription. ``rate`` is what the whole of it costs at what is in force ``since`` then.

    ``weighted`` is the sum of rate times seconds before ``since``; ``charged`` all charges minus all credits so far.
    """

    start: datetime
    end: datetime
    rate: int
    since: datetime
    weighted: int = 0
    charged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What a change comes to: ``credit`` (zero or less) for the rest of the old, ``charge`` for the rest of the new."""

    credit: int
    charge: int

    @property
    def net(self) -> int:
        """What is to be paid; negative when money comes back."""
        return self.credit + self.charge


def begin(start: datetime, end: datetime, rate: int) -> Period:
    """A period that has been charged ``rate`` in advance.

    Raises:
        ValueError: it does not last a second.
    """
    if end - start < _SECOND:
        raise ValueError(f"A period cannot begin at {start} and end at {end}.")
    return Period(start=start, end=end, rate=rate, since=start, charged=rate)


def change(period: Period, at: datetime, rate: int) -> tuple[Period, Adjustment]:
    """The period with ``rate`` from ``at`` on, and what the change comes to.

    ``at`` counts in whole seconds. One before the last change counts as that change's instant, one after the end as
    the end: clocks of several machines differ.
    """
    at = min(max(at, period.since), period.end)
    length = _seconds(period.start, period.end)
    elapsed = _seconds(period.start, at)
    left = length - elapsed
    weighted = period.weighted + period.rate * (elapsed - _seconds(period.start, period.since))
    total = _rounded(weighted + rate * left, length)
    credit = -_rounded(period.rate * left, length)
    adjustment = Adjustment(credit=credit, charge=total - period.charged - credit)
    since = period.start + elapsed * _SECOND
    return replace(period, rate=rate, since=since, weighted=weighted, charged=total), adjustment


def months_after(anchor: datetime, months: int) -> datetime:
    """The same day and time ``months`` months later; the month's last day where it has no such day."""
    year, month = divmod(anchor.month - 1 + months, 12)
    first = anchor.replace(year=anchor.year + year, month=month + 1, day=1)
    after = first.replace(year=first.year + month // 11, month=(month + 1) % 12 + 1)
    return first.replace(day=min(anchor.day, (after - first).days))


def _seconds(start: datetime, end: datetime) -> int:
    return (end - start) // _SECOND


def _rounded(numerator: int, denominator: int) -> int:
    """The nearest whole number; halves go up."""
    return (2 * numerator + denominator) // (2 * denominator)
