"""A file's bytes as an answer to a browser: shown where it can do nothing but be seen, saved otherwise."""

from collections.abc import AsyncGenerator, Mapping
from typing import Final
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse

from causette.assistant.files.types import File

#: What a browser may show in its place. All else is saved, and texts are plain texts whatever they hold.
SHOWN: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
#: The headers of whatever people brought.
GUARDED: Final = {
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    # Bytes under an id never change, and nobody else's browser gets them.
    "cache-control": "private, max-age=31536000, immutable",
}


async def served(
    file: File, portions: AsyncGenerator[bytes], *, shown: bool, headers: Mapping[str, str] = GUARDED
) -> Response:
    """A file of which ``portions`` are the bytes. What is missing is refused before the answer begins."""
    told = {
        **headers,
        "content-length": str(file.size),
        "content-disposition": _disposition(file, shown=shown and file.media_type in SHOWN),
    }
    return StreamingResponse(await _begun(portions), media_type=_served_as(file), headers=told)


async def _begun(portions: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    first = await anext(portions, b"")

    async def all_of_them() -> AsyncGenerator[bytes]:
        yield first
        async for portion in portions:
            yield portion

    return all_of_them()


def _served_as(file: File) -> str:
    if file.media_type in SHOWN or file.kind in {"pdf", "document", "slides", "sheet"}:
        return file.media_type
    return "application/octet-stream" if file.kind == "other" else "text/plain; charset=utf-8"


def _disposition(file: File, *, shown: bool) -> str:
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in file.name)
    kind = "inline" if shown else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name, safe='')}"
