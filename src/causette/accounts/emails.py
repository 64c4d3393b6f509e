"""E-mail addresses: what is accepted as one, and when two are the same."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from causette.errors import InvalidRequest

_LONGEST: Final = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
_LONGEST_LOCAL_PART: Final = 64  # RFC 5321 §4.5.3.1.1
_LOCAL_PART: Final = re.compile(r"[^\s.@\"(),:;<>\[\]\\]+(\.[^\s.@\"(),:;<>\[\]\\]+)*")
_DOMAIN: Final = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(\.(?!-)[\w-]{1,63}(?<!-))*")


@dataclass(frozen=True, slots=True)
class Email:
    """``address`` is as its owner writes it, ``key`` the same for all spellings of one address."""

    address: str
    key: str


def parse_email(written: str) -> Email:
    """The address in ``written``, its domain in lower case.

    Raises:
        InvalidRequest: it has no address's shape.
    """
    # Normalised before it is looked at: what looks like an @ may become one.
    local_part, at, domain = unicodedata.normalize("NFKC", written[: 2 * _LONGEST]).strip().rpartition("@")
    email = f"{local_part}@{domain.lower()}"
    if (
        not at
        or len(written) > 2 * _LONGEST
        or len(email) > _LONGEST
        or len(local_part) > _LONGEST_LOCAL_PART
        or not _LOCAL_PART.fullmatch(local_part)
        or not _DOMAIN.fullmatch(domain)
        or any(unicodedata.category(character)[0] == "C" for character in email)
    ):
        shown = written if len(written) <= _LONGEST else f"{written[:32]}…"
        raise InvalidRequest(
            f"{shown!r} is not an e-mail address. Write one such as ada@example.org.",
            code="invalid_email",
            param="email",
        )
    return Email(address=email, key=unicodedata.normalize("NFKC", email.casefold()))
