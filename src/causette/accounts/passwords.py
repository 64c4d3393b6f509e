"""Passwords: which are accepted, and how they are kept (argon2id) without stopping the event loop."""

import asyncio
import base64
import os
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from causette.errors import InvalidRequest, Unavailable

T = TypeVar("T")

SHORTEST: Final = 10
LONGEST: Final = 256
# Compatibility normalisation can make a text 18 times as long; nobody's password is.
_LONGEST_AS_WRITTEN: Final = 4 * LONGEST

_MOST_THREADS: Final = 4
_MOST_WAITING: Final = 64
_RETRY_SECONDS: Final = 2.0

# The guesses of ten and more characters that attackers try first.
_COMMON_WORDS: Final = """
    0123456789 0987654321 1020304050 1111122222 1122334455 1123581321 1234512345 1234554321 1234567890
    12345678900 12345678910 123456789a 123456789q 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 9876543210 abc1234567
    abcd123456 abcd1234567 abcdefghij admin12345 admin123456 administrator adminadmin asdfasdfasdf asdfghjkl1
    asdfghjkl; azertyuiop basketball bienvenue1 changeme123 chocolat123 consumer123 doudou12345 football123
    iloveyou12 iloveyou123 iloveyou1234 jetaime123 letmein123 letmein1234 liverpool1 loulou1234 manchester
    michael123 motdepasse motdepasse1 motdepasse123 pass123456 passw0rd12 passw0rd123 password01 password10
    password11 password12 password123 password1234 password12345 password123456 passwordpassword princess123
    q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedcrfv qwerty1234 qwerty12345 qwerty123456 qwertyqwerty qwertyuiop
    qwertyuiop1 qwertyuiop123 qwertyuiop[] secret1234 soleil1234 sunshine123 superman123 superuser1 test123456
    testtest123 trustno1trustno1 welcome123 welcome1234 zaq12wsxcde3 zxcvbnm123 zxcvbnm1234 causette12
    causette123 causette1234 correcthorsebatterystaple
"""
_COMMON: Final = frozenset(_COMMON_WORDS.split())


def normalised(password: str) -> str:
    """The one spelling of a password, whatever keyboard or system it was typed on (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *, email: str, name: str) -> None:
    """Refuse what is guessed first.

    Raises:
        InvalidRequest: the password is too short or too long, a common one, one character repeated, or the
            person's own name or e-mail address.
    """
    if len(password) > _LONGEST_AS_WRITTEN or not SHORTEST <= len(normalised(password)) <= LONGEST:
        raise _refusal(f"has to be {SHORTEST} to {LONGEST} characters long")
    try:
        password.encode()
    except UnicodeEncodeError:
        raise _refusal("holds half a character, which cannot be typed again") from None
    folded = normalised(password).casefold()
    own = {normalised(text).casefold().strip() for text in (email, email.rpartition("@")[0], name)}
    if folded.strip() in own:
        raise _refusal("must not be your name or e-mail address")
    if folded in _COMMON or len(set(folded)) == 1:
        raise _refusal("is one of those that are guessed first")


def _refusal(problem: str) -> InvalidRequest:
    return InvalidRequest(
        f"The password {problem}. Choose another one; a few unrelated words do well.",
        code="weak_password",
        param="password",
    )


class Passwords:
    """Hashes and verifies passwords in a few threads of its own; call `close` when done.

    The defaults are OWASP's for argon2id: 19 MiB, two passes, one lane.
    """

    def __init__(self, *, memory_kib: int = 19_456, passes: int = 2) -> None:
        """A hasher that costs ``memory_kib`` KiB and ``passes`` passes over them for each password."""
        self._hasher = PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
        )
        # Verified against when there is no such person, so that this takes as long as a wrong password.
        self._nobody = f"$argon2id$v=19$m={memory_kib},t={passes},p=1${_base64(16)}${_base64(32)}"
        self._threads = ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1), "passwords")
        self._places = threading.BoundedSemaphore(_MOST_WAITING)

    async def hash(self, password: str) -> str:
        """The argon2id hash of ``password``, salted afresh.

        Raises:
            Unavailable: too many passwords wait to be hashed.
        """
        return await self._in_thread(lambda: self._hasher.hash(normalised(password)))

    async def verify(self, password: str, kept: str | None) -> bool:
        """Whether ``password`` is the one whose hash is ``kept``; None (nobody) takes as long, and is never.

        Raises:
            Unavailable: too many passwords wait to be verified.
        """
        return await self._in_thread(lambda: self._verify(password, kept))

    def needs_rehash(self, kept: str) -> bool:
        """Whether ``kept`` was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """End the threads once they have done what they are doing."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, kept: str | None) -> bool:
        typed = normalised(password) if len(password) <= _LONGEST_AS_WRITTEN else ""
        try:
            self._hasher.verify(kept or self._nobody, typed.encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise Unavailable(
                f"{_MOST_WAITING} passwords are waiting to be checked. Try again in a moment.",
                code="busy",
                retry_after=_RETRY_SECONDS,
            )
        future = self._threads.submit(work)
        # A caller who goes away leaves the thread at work: the place is free when that ends.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)


def _base64(zeros: int) -> str:
    return base64.b64encode(bytes(zeros)).rstrip(b"=").decode()
