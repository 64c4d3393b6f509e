"""How long somebody who guesses passwords has to wait.

The first mistakes cost nothing; after them each one doubles the wait. Attempts are counted before the
password is looked at, so that a thousand guesses sent at once are no better than a thousand sent in turn.
"""

import hashlib
import ipaddress
from datetime import timedelta
from typing import Final

#: So many wrong passwords cost nothing: people mistype.
FREE_FAILURES: Final = 5
#: After so long without an attempt the count starts again.
FORGOTTEN_AFTER: Final = timedelta(hours=1)

_FIRST_DELAY: Final = timedelta(seconds=5)
_LONGEST_DELAY: Final = timedelta(minutes=15)
_DOUBLINGS_TO_LONGEST: Final = 8  # 5 s · 2⁸ is over 15 min: larger exponents need not be computed


def delay_after(failures: int) -> timedelta:
    """How long nothing is accepted after ``failures`` attempts in a row without a success."""
    if failures < FREE_FAILURES:
        return timedelta(0)
    return min(_FIRST_DELAY * 2 ** min(failures - FREE_FAILURES, _DOUBLINGS_TO_LONGEST), _LONGEST_DELAY)


def subject_of(email: str, address: str) -> bytes:
    """What attempts are counted by: an e-mail address tried from a network address, without keeping either.

    Of an IPv6 address the first 64 bits count, since whoever has one has all of that network.
    """
    try:
        network = ipaddress.ip_address(address)
    except ValueError:
        counted = address
    else:
        mapped = network.ipv4_mapped if isinstance(network, ipaddress.IPv6Address) else None
        if mapped is not None:
            counted = str(mapped)
        elif isinstance(network, ipaddress.IPv6Address):
            counted = str(ipaddress.ip_network((network.packed, 64), strict=False))
        else:
            counted = str(network)
    return hashlib.sha256(f"{email}\0{counted}".encode("utf-8", "surrogatepass")).digest()
