"""Public identifiers: a prefix that says what a thing is, and a UUIDv7 that sorts by time of creation."""

from datetime import datetime
from typing import Final

from uuid_utils import uuid7

# 22 characters of this alphabet hold 128 bits; its order is ASCII's, so ids sort as their UUIDs do.
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH: Final = 22
_BITS_BELOW_MILLISECONDS: Final = 80


def new_id(prefix: str) -> str:
    """A fresh id such as ``conv_01K…``: ``prefix``, an underscore, 22 base-62 digits of a UUIDv7.

    Ids made later sort later (to the millisecond, across machines with true clocks).
    """
    return public_id(prefix, uuid7().int)


def earliest_id(prefix: str, at: datetime) -> str:
    """What sorts before every id that was made from ``at`` on, and after those made a millisecond before."""
    return public_id(prefix, int(at.timestamp() * 1000) << _BITS_BELOW_MILLISECONDS)


def public_id(prefix: str, number: int) -> str:
    """The id that says a number of 128 bits."""
    digits: list[str] = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return f"{prefix}_{''.join(reversed(digits))}"
