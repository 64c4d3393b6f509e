"""Codes from an authenticator app: TOTP (RFC 6238) over HMAC-SHA-1, six digits, thirty seconds."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final
from urllib.parse import quote

PERIOD: Final = 30
DIGITS: Final = 6
# RFC 4226 §4 recommends as many bits as the hash has.
_SECRET_BYTES: Final = 20
# So many steps a clock may be off, either way (RFC 6238 §5.2).
_TOLERANCE: Final = 1


def new_secret() -> bytes:
    """160 random bits."""
    return secrets.token_bytes(_SECRET_BYTES)


def written(secret: bytes) -> str:
    """A secret as authenticator apps take it: base 32, without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def uri(secret: bytes, *, account: str, issuer: str) -> str:
    """What a QR code holds for an authenticator app (the Key URI format)."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    return (
        f"otpauth://totp/{label}?secret={written(secret)}&issuer={quote(issuer, safe='')}"
        f"&algorithm=SHA1&digits={DIGITS}&period={PERIOD}"
    )


def step_at(instant: datetime) -> int:
    """The time step that an instant is in: whole periods since 1970."""
    return int(instant.timestamp()) // PERIOD


def code(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """The code of a time step (RFC 4226 §5.3, RFC 6238 §4.2)."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha1)
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: bytes, typed: str, instant: datetime) -> int | None:
    """The time step around ``instant`` whose code was ``typed``; None when it is none's."""
    now, found = step_at(instant), None
    sent = typed.encode("utf-8", "surrogatepass")
    for step in range(now - _TOLERANCE, now + _TOLERANCE + 1):
        if hmac.compare_digest(code(secret, step).encode(), sent):
            found = step
    return found
