"""Amounts of money as people write them, and as whole numbers. Exact or refused; nothing is rounded."""

import re
from typing import Final

#: How many decimals an amount of US dollars may have: a nano-dollar is the smallest there is.
NANO_DECIMALS: Final = 9

# ISO 4217; every currency that is not here has two decimals.
_DECIMALS: Final = {
    "BHD": 3,
    "CLP": 0,
    "ISK": 0,
    "JOD": 3,
    "JPY": 0,
    "KRW": 0,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
    "UGX": 0,
    "VND": 0,
    "XAF": 0,
    "XOF": 0,
    "XPF": 0,
}
# Nine digits before the point: in nano-dollars, that is what 64 bits hold with room to add.
_AMOUNT: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]+))?")


def decimals_of(currency: str) -> int:
    """How many decimals amounts in ``currency`` (ISO 4217) have: 2 for USD, 0 for JPY."""
    return _DECIMALS.get(currency, 2)


def whole_units(text: str, decimals: int) -> int:
    """``"0.15"`` with 2 decimals is 15.

    Raises:
        ValueError: it is no amount, negative, or needs more decimals than there are; the message says which.
    """
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(f'{text[:32]!r} is not an amount of zero or more; write it like "20.00"')
    whole, part = found[1], (found[2] or "").rstrip("0")
    if len(part) > decimals:
        raise ValueError(f"{text[:48]!r} has more than {decimals} decimals, and nothing is rounded")
    return int(whole + part.ljust(decimals, "0"))


def nano_of(dollars: str) -> int:
    """``"0.15"`` US dollars are 150,000,000 nano-dollars.

    Raises:
        ValueError: as `whole_units` does.
    """
    return whole_units(dollars, NANO_DECIMALS)


def dollars_of(nano: int) -> str:
    """150,000,000 nano-dollars are ``"0.15"``; whole dollars and cents are always written."""
    whole, _, part = shown(nano, NANO_DECIMALS).partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')}"


def shown(units: int, decimals: int) -> str:
    """15 with 2 decimals is ``"0.15"``."""
    sign, digits = ("-" if units < 0 else ""), str(abs(units)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"
