"""Secrets that have to be readable, and shall not be so for who has only the database: sealed with the house's key.

AES-256-GCM (NIST SP 800-38D) with a random nonce, under a key that is derived from the house's secret by HKDF
(RFC 5869). What is sealed is bound to whose it is, so that it cannot be put beside another name.
"""

import hashlib
import os
import secrets
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from causette.errors import CausetteError, ConfigurationError

#: The file in the data folder that holds the house's secret unless the settings do.
KEY_FILE: Final = "secret.key"
#: Fewer characters than these are no secret.
SHORTEST: Final = 32

_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"causette: secrets for codes"


class CannotUnseal(CausetteError):
    """What was sealed cannot be read with the key there is."""

    status = 503
    default_code = "secret_key_mismatch"


class Sealing:
    """Seals with the key of ``secret``, or of the file in ``folder``, which is made when it is first needed."""

    def __init__(self, secret: str | None, folder: Path) -> None:
        self._secret = secret
        self._file = folder / KEY_FILE

    @property
    def key_id(self) -> str:
        """What tells this key from others, and nothing of it."""
        return hashlib.blake2b(self._key, digest_size=8, person=b"causette-key-id").hexdigest()

    def seal(self, plain: bytes, *, owner_id: str) -> bytes:
        """``plain`` for who has the key, and for ``owner_id`` only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, plain, owner_id.encode())

    def unseal(self, sealed: bytes, *, key_id: str, owner_id: str) -> bytes:
        """What was sealed for ``owner_id`` with the key called ``key_id``.

        Raises:
            CannotUnseal: that is not the key there is, or it was sealed for somebody else.
        """
        with suppress(InvalidTag):
            if key_id == self.key_id:
                nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
                return AESGCM(self._key).decrypt(nonce, rest, owner_id.encode())
        raise CannotUnseal(
            "Codes of your authenticator app cannot be checked: the server's secret key is not the one they were kept "
            "with. Use a recovery code, or ask whoever runs this Causette to put the key back."
        )

    @cached_property
    def _key(self) -> bytes:
        secret = self._secret if self._secret is not None else _kept_secret(self._file)
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())


def _kept_secret(file: Path) -> str:
    """The secret in ``file``, which is made if it is not there; several processes may try at once."""
    try:
        if not file.exists():
            _make(file)
        secret = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The secret key in {file} cannot be read or made: {error}. Let this process read it, or set "
            "CAUSETTE_SECRET_KEY."
        ) from None
    if len(secret) < SHORTEST:
        raise ConfigurationError(
            f"The secret key in {file} has {len(secret)} characters, and needs {SHORTEST} or more. Put it back from "
            "your back-up; without one, delete the file."
        )
    return secret


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as written:
            written.write(secrets.token_urlsafe(32) + "\n")
            written.flush()
            os.fsync(written.fileno())
        # Whole or not at all, and never in place of another process's.
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
