"""How long somebody who guesses passwords has to wait.

The first mistakes cost nothing; after them each one doubles the wait. Attempts are counted before the
password is looked at, so that a thousand guesses sent at once are no better than a thousand sent in turn.

Each attempt counts three times: for the e-mail address tried from one network address (`PAIR`), for the network
address whatever it tries (`ADDRESS`), and for the account from wherever it is tried (`ACCOUNT`).
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

#: So many wrong passwords cost nothing: people mistype.
FREE_FAILURES: Final = 5
#: After so long without an attempt the count starts again.
FORGOTTEN_AFTER: Final = timedelta(hours=1)

_DOUBLINGS: Final = 16  # every wait has reached its longest by then: larger exponents need not be computed


@dataclass(frozen=True, slots=True)
class Rule:
    """So many attempts are ``free``; then nothing is accepted for ``first``, doubled each time up to ``longest``."""

    free: int
    first: timedelta
    longest: timedelta


#: One e-mail address, tried from one network address.
PAIR: Final = Rule(FREE_FAILURES, timedelta(seconds=5), timedelta(minutes=15))
#: Many e-mail addresses, tried from one network address: an office behind one address mistypes more than a person.
ADDRESS: Final = Rule(50, timedelta(seconds=5), timedelta(minutes=15))
#: One account, tried from everywhere. The waits are short, because they are its owner's as well.
ACCOUNT: Final = Rule(20, timedelta(seconds=1), timedelta(minutes=1))
#: The second step of one account, tried from everywhere by whoever has its password: six digits are few.
CODES: Final = Rule(10, timedelta(seconds=5), timedelta(minutes=15))
#: Mail sent to one address, so that nobody's post box is filled by a stranger.
MAIL: Final = Rule(3, timedelta(minutes=1), timedelta(hours=1))


def delay_after(failures: int, rule: Rule = PAIR) -> timedelta:
    """How long nothing is accepted after ``failures`` attempts in a row without a success."""
    if failures < rule.free:
        return timedelta(0)
    return min(rule.first * 2 ** min(failures - rule.free, _DOUBLINGS), rule.longest)


def subject_of(email: str, address: str) -> bytes:
    """What attempts are counted by: an e-mail address tried from a network address, without keeping either.

    Of an IPv6 address the first 64 bits count, since whoever has one has all of that network.
    """
    return _digest(f"{email}\0{_counted(address)}")


def subject_of_address(address: str, *, what: str = "password") -> bytes:
    """What attempts from a network address are counted by, whomever they try; each ``what`` has a count of its own."""
    return _digest(f"address\0{what}\0{_counted(address)}\0")


def subject_of_account(key: str, *, what: str = "password") -> bytes:
    """What attempts at an account are counted by, wherever they come from; each ``what`` has a count of its own."""
    return _digest(f"account\0{what}\0{key}\0")


def network_of(address: str) -> str | None:
    """The network an address is in, as people are shown it: ``192.0.2.0/24``; None when it is no IP address."""
    try:
        known = _unmapped(ipaddress.ip_address(address))
    except ValueError:
        return None
    bits = 48 if isinstance(known, ipaddress.IPv6Address) else 24
    return str(ipaddress.ip_network((known.packed, bits), strict=False))


def _counted(address: str) -> str:
    try:
        known = _unmapped(ipaddress.ip_address(address))
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((known.packed, 64), strict=False))
    return str(known)


def _unmapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
