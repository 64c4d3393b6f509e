"""Random tokens that prove something, and the digests that are kept of them."""

import hashlib
import re
import secrets
import string
import zlib
from typing import Final

_BASE62: Final = string.digits + string.ascii_letters
_TOKEN: Final = re.compile(r"[0-9A-Za-z_-]{43}")  # 256 bits in URL-safe base 64

_KEY_PREFIX: Final = "sk-causette-"
_KEY_RANDOM: Final = 36  # characters of base 62: 214 bits
_KEY_CHECKSUM: Final = 6  # characters of base 62: the 32 bits of a CRC fit
_KEY: Final = re.compile(rf"{_KEY_PREFIX}[0-9A-Za-z]{{{_KEY_RANDOM + _KEY_CHECKSUM}}}")


def digest(secret: str) -> bytes:
    """What is kept of a secret: SHA-256. Secrets made here are too random to be found by trying."""
    return hashlib.sha256(secret.encode()).digest()


def new_token() -> str:
    """256 random bits, for a session or a set-up link: 43 characters that are safe in URLs and cookies."""
    return secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    """Whether ``text`` could be a token of `new_token`."""
    return _TOKEN.fullmatch(text) is not None


def new_api_key() -> str:
    """A secret such as ``sk-causette-…``: 214 random bits and a checksum, 54 characters.

    Secret scanners find it by ``sk-causette-[0-9A-Za-z]{42}``; its last 6 characters are the CRC-32 of all
    that precedes them, in base 62, most significant digit first.
    """
    body = _KEY_PREFIX + "".join(secrets.choice(_BASE62) for _ in range(_KEY_RANDOM))
    return body + _checksum(body)


def is_api_key(text: str) -> bool:
    """Whether ``text`` could be a key of `new_api_key`: one that was mistyped or cut short is not."""
    return _KEY.fullmatch(text) is not None and text[-_KEY_CHECKSUM:] == _checksum(text[:-_KEY_CHECKSUM])


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits: list[str] = []
    for _ in range(_KEY_CHECKSUM):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))
