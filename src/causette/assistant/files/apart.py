"""Has a file read by a process of its own, and brings back what it said."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from causette.assistant.files.reading import NOT_INSTALLED, UNREADABLE
from causette.assistant.files.types import FileKind, ParsedDocument
from causette.jobs import JobFailed

# The process ends itself sooner; this is for one that waits instead of working.
_SECONDS: Final = 120.0
_decode: Final = msgspec.json.Decoder(ParsedDocument).decode


class Picture(msgspec.Struct):
    """A picture's size in pixels, as it is shown."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture's size, and a small one of it in WebP."""

    size: Picture
    thumbnail: bytes


async def read_document(kind: FileKind, path: Path) -> ParsedDocument:
    """What the file at ``path`` says.

    Raises:
        JobFailed: it cannot be read (``unreadable``), or not on this server (``not_installed``).
    """
    with TemporaryDirectory(prefix="causette-reading-") as folder:
        await _run(kind, path, Path(folder))
        return _decode(await asyncio.to_thread((Path(folder) / "parsed.json").read_bytes))


async def look_at(path: Path) -> Seen:
    """A picture's size, and a small one of it.

    Raises:
        JobFailed: as `read_document`.
    """
    with TemporaryDirectory(prefix="causette-reading-") as folder:
        await _run("image", path, Path(folder))
        size = msgspec.json.decode((Path(folder) / "picture.json").read_bytes(), type=Picture)
        return Seen(size, (Path(folder) / "thumbnail.webp").read_bytes())


async def _run(kind: str, path: Path, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "causette.assistant.files.reading", kind, str(path), str(folder)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        # Nothing of the server's own, least of all its secrets.
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        cwd=folder,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            _, said = await process.communicate()
    except TimeoutError:
        raise JobFailed("It takes too long to read.", code="unreadable") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return
    why = said.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
    if process.returncode == NOT_INSTALLED:
        raise JobFailed(
            f"Files of this kind are not read on this server: {why} is missing. "
            "Who runs it can add it with: pip install 'causette[files]'",
            code="not_installed",
        )
    if process.returncode == UNREADABLE:
        raise JobFailed(f"This file could not be read: {why}.", code="unreadable")
    raise JobFailed("This file could not be read: it takes too much time or memory.", code="unreadable")
