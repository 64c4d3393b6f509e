"""Where bytes lie: what a folder and an S3-compatible store have in common."""

from collections.abc import AsyncGenerator
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Protocol

from causette.errors import CausetteError


class StorageFull(CausetteError):
    """There is no room for more bytes."""

    status: ClassVar[int] = 507
    default_code = "storage_full"


class Bucket(Protocol):
    """Objects under keys. What is there under a key never changes.

    Every method may raise ``Unavailable`` where the store does not answer.
    """

    async def put(self, key: str, source: Path) -> None:
        """Keep the bytes of the file ``source``, whole or not at all. The file may be gone afterwards.

        Raises:
            StorageFull: there is no room for them.
        """
        ...

    def read(self, key: str, start: int = 0) -> AsyncGenerator[bytes]:
        """The bytes from ``start`` on, in portions.

        Raises:
            NotFound: there is nothing under this key.
        """
        ...

    async def delete(self, key: str) -> None:
        """Forget what is under a key; nothing happens where nothing is."""
        ...

    def keys(self) -> AsyncGenerator[tuple[str, datetime]]:
        """Every key, with when its bytes came."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
