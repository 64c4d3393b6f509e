"""Ranges of decimal numbers as automata: the digits that can follow are exactly those that stay in the range.

Numbers are written plainly: no exponent, no leading zero, no ``-0``, at most 15 digits, so that every reader's
double-precision number is the one that was written, and no model writes digits for ever.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import gcd
from typing import Final, NamedTuple

from causette.engines.embedded.grammar.automata import Automaton, TooManyStates, explore
from causette.engines.embedded.grammar.charsets import CharSet, chars

MAX_DIGITS: Final = 15
#: Digits after the point, unless a bound has more of them.
FRACTION_DIGITS: Final = 6
#: The largest step that ``multiple_of`` may have, in units of its last decimal place.
MAX_UNIT: Final = 1000
_DIGITS: Final = tuple(chars(str(digit)) for digit in range(10))


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``low`` to ``high`` (None: unbounded), without the bounds where they are open."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, number: Decimal) -> bool:
        above = self.low is None or number > self.low or (number == self.low and not self.low_open)
        below = self.high is None or number < self.high or (number == self.high and not self.high_open)
        return above and below

    def __and__(self, other: "Range") -> "Range":
        low, low_open = _tighter((self.low, self.low_open), (other.low, other.low_open), sign=1)
        high, high_open = _tighter((self.high, self.high_open), (other.high, other.high_open), sign=-1)
        return Range(low, high, low_open, high_open)

    @property
    def bounded(self) -> bool:
        """Whether there is a bound at all."""
        return self.low is not None or self.high is not None

    @property
    def empty(self) -> bool:
        """Whether no real number is inside."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))


@lru_cache(maxsize=128)
def number_automaton(within: Range, *, fraction: bool, multiple_of: Decimal | None = None) -> Automaton:
    """Accepts the JSON numbers in ``within`` that are multiples of ``multiple_of``, as far as ``MAX_DIGITS`` reach.

    Raises:
        TooManyStates: ``multiple_of`` is too large to be followed.
    """
    places, unit = 0, 1
    if fraction:
        bounds = [bound for bound in (within.low, within.high) if bound is not None]
        room = MAX_DIGITS - max([1, *(len(_digits(bound.copy_abs())[0]) for bound in bounds)])
        places = max(0, min(room, max([FRACTION_DIGITS, *map(_places, bounds)])))
    if multiple_of is not None:
        whole, steps = _places(multiple_of), 10 ** _places(multiple_of)
        unit = int(multiple_of * steps)
        if fraction and whole < MAX_DIGITS:
            places = whole
        else:  # a whole multiple of 2.5 is one of 5
            places, unit = 0, unit // gcd(unit, steps)
    zero = Decimal(0)
    upward = within & Range(low=zero)
    downward = Range(_negated(within.high), _negated(within.low), within.high_open, within.low_open)
    downward &= Range(low=zero, low_open=True)
    magnitudes = {
        "": _Magnitudes(upward, places, unit) if not upward.empty else None,
        "-": _Magnitudes(downward, places, unit) if not downward.empty else None,
    }
    return _signed(magnitudes)


def _signed(magnitudes: "dict[str, _Magnitudes | None]") -> Automaton:
    minus = chars("-")

    def step(at: "tuple[str, _Reading | None]") -> "Iterator[tuple[CharSet, tuple[str, _Reading | None]]]":
        sign, reading = at
        if reading is None and not sign and magnitudes["-"] is not None:
            yield minus, ("-", None)
        half = magnitudes[sign]
        if half is not None:
            for charset, following in half.step(reading):
                yield charset, (sign, following)

    def accepts(at: "tuple[str, _Reading | None]") -> bool:
        half = magnitudes[at[0]]
        return half is not None and at[1] is not None and half.accepts(at[1])

    return explore(("", None), step, accepts)


class _Reading(NamedTuple):
    """What matters of the digits read so far."""

    whole: int  # digits before the point
    point: bool
    places: int  # digits after it
    #: How the digits compare with as many of the bounds' first digits: -1, 0, 1.
    low: int
    high: int
    remainder: int
    zero: bool  # the number begins with 0, so no digit may follow but after a point


class _Magnitudes:
    """Numbers without a sign in a range of such numbers."""

    def __init__(self, within: Range, places: int, unit: int) -> None:
        self._places = places
        self._unit = unit
        self._alike = _alike_remainders(unit, places)
        self._within = within
        self._low = _digits(within.low or Decimal(0))
        self._high = None if within.high is None else _digits(within.high)

    def step(self, reading: _Reading | None) -> Iterator[tuple[CharSet, _Reading]]:
        if reading is None:
            reading = _Reading(0, point=False, places=0, low=0, high=0, remainder=0, zero=False)
        if not reading.point:
            if reading.whole < MAX_DIGITS and not reading.zero:
                for digit in range(10):
                    yield _DIGITS[digit], self._read(reading, digit)
            if 0 < reading.whole <= MAX_DIGITS - self._places < MAX_DIGITS:
                low, high = self._aligned(reading)
                yield chars("."), reading._replace(whole=0, point=True, low=low, high=high, zero=False)
        elif reading.places < self._places:
            for digit in range(10):
                yield _DIGITS[digit], self._read(reading, digit)

    def accepts(self, reading: _Reading) -> bool:
        if reading.point and not reading.places:
            return False
        if reading.remainder * 10 ** (self._places - reading.places) % self._unit:
            return False
        low, high = (reading.low, reading.high) if reading.point else self._aligned(reading)
        if low == 0 and any(self._low[1][reading.places :]):
            return False
        if low < 0 or (low == 0 and self._within.low_open):
            return False
        if self._high is None or high < 0:
            return True
        return high == 0 and (any(self._high[1][reading.places :]) or not self._within.high_open)

    def _read(self, reading: _Reading, digit: int) -> _Reading:
        read = reading.places if reading.point else reading.whole
        part = 1 if reading.point else 0
        return _Reading(
            whole=reading.whole + (not reading.point),
            point=reading.point,
            places=reading.places + reading.point,
            low=reading.low or _compare(digit, self._low[part], read),
            high=(reading.high or _compare(digit, self._high[part], read)) if self._high else -1,
            remainder=self._alike[(reading.remainder * 10 + digit) % self._unit],
            zero=not reading.point and not reading.whole and digit == 0,
        )

    def _aligned(self, reading: _Reading) -> tuple[int, int]:
        """The comparisons of whole numbers: more digits mean a larger one."""
        low = _sign(reading.whole - len(self._low[0])) or reading.low
        high = -1 if self._high is None else _sign(reading.whole - len(self._high[0])) or reading.high
        return low, high


def _alike_remainders(unit: int, places: int) -> list[int]:
    """For each remainder the least one that the same digits make a multiple of ``unit``.

    Division by 1,000 needs four states then, not a thousand.
    """
    if unit > MAX_UNIT:
        raise TooManyStates
    kinds: list[Hashable] = [
        tuple(remainder * 10**missing % unit == 0 for missing in range(places + 1))
        for remainder in range(unit)
    ]
    while True:
        first: dict[Hashable, int] = {}
        for remainder, kind in enumerate(kinds):
            first.setdefault(kind, remainder)
        alike = [first[kind] for kind in kinds]
        kinds = [
            (alike[remainder], *(alike[(remainder * 10 + digit) % unit] for digit in range(10)))
            for remainder in range(unit)
        ]
        if len(set(kinds)) == len(first):
            return alike


def _digits(number: Decimal) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The digits before and after the point."""
    whole, _, rest = f"{number:f}".partition(".")
    return tuple(map(int, whole)), tuple(map(int, rest))


def _compare(digit: int, bound: tuple[int, ...], position: int) -> int:
    return _sign(digit - (bound[position] if position < len(bound) else 0))


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _places(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _negated(number: Decimal | None) -> Decimal | None:
    return None if number is None else number.copy_negate()


def _tighter(
    left: tuple[Decimal | None, bool], right: tuple[Decimal | None, bool], *, sign: int
) -> tuple[Decimal | None, bool]:
    if left[0] is None or right[0] is None:
        return right if left[0] is None else left
    if left[0] == right[0]:
        return left[0], left[1] or right[1]
    return left if (left[0] > right[0]) == (sign > 0) else right
