"""Forms with files (RFC 7578) that are read as they come: what is in a file is never in memory as a whole."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, cast

from aiohttp import BodyPartReader, MultipartReader
from aiohttp.http_exceptions import HttpProcessingError
from starlette.requests import ClientDisconnect, Request

from causette.errors import InvalidRequest, UnsupportedContentType
from causette.http.disconnect import ClientLeft

_PORTION: Final = 1 << 16
_LONGEST_LINE: Final = 8_190
# Of a field that is no file.
_LONGEST_VALUE: Final = 4_096
# What the reader makes of a form that is none, or whose parts' heads are no headers.
_BROKEN: Final = (ValueError, AssertionError, HttpProcessingError)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form, whose bytes are read once."""

    name: str
    #: The name of the file that it is; None where it is a value.
    file_name: str | None
    _part: BodyPartReader

    async def portions(self) -> AsyncGenerator[bytes]:
        """Its bytes, as they come.

        Raises:
            InvalidRequest: the form ends in the middle of it.
        """
        while portion := await _read(self._part):
            yield portion

    async def text(self) -> str:
        """A value.

        Raises:
            InvalidRequest: it is longer than values are, or no text.
        """
        content = bytearray()
        async for portion in self.portions():
            content += portion
            if len(content) > _LONGEST_VALUE:
                raise InvalidRequest(f"The field {self.name!r} is too long.", param=self.name)
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise InvalidRequest(f"The field {self.name!r} is not UTF-8.", param=self.name) from None


async def fields_of(request: Request) -> AsyncGenerator[Field]:
    """The fields of the form that a request's body is. Each is read before the next one is asked for.

    Raises:
        UnsupportedContentType: the body is no form of this kind.
        InvalidRequest: it is a broken one (``invalid_form``).
        ClientLeft: whoever sends it has left.
    """
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        raise UnsupportedContentType(
            f"The body's content type is {kind or 'none'}. Send a form with the file, as multipart/form-data."
        )
    try:
        # What it calls a stream has four methods.
        reader = MultipartReader({"Content-Type": kind}, cast("Any", _Body(request)))
    except _BROKEN as error:
        raise _broken(error) from None
    while True:
        try:
            part = await reader.next()
        except _BROKEN as error:
            raise _broken(error) from None
        if part is None:
            return
        if not isinstance(part, BodyPartReader) or not part.name:
            raise InvalidRequest(
                "A part of the form is no field: it has no name, or parts of its own.", code="invalid_form"
            )
        yield Field(part.name, part.filename, part)


class _Body:
    """A request's body as `aiohttp.MultipartReader` reads one."""

    def __init__(self, request: Request) -> None:
        self._stream: AsyncIterator[bytes] = request.stream()
        self._kept = bytearray()
        self._over = False

    async def read(self, size: int) -> bytes:
        """Some bytes, ``size`` at most; none at the end."""
        while not self._kept and not self._over:
            await self._more()
        found = bytes(self._kept[:size])
        del self._kept[:size]
        return found

    async def readline(self, *, max_line_length: int = _LONGEST_LINE) -> bytes:
        """Bytes to the end of a line, or of the body."""
        while (end := self._kept.find(b"\n") + 1) == 0 and not self._over:
            if len(self._kept) > max_line_length:
                raise ValueError("a line of a part's head is too long")
            await self._more()
        return await self.read(end or len(self._kept) or 1)

    def at_eof(self) -> bool:
        """Whether all of it was read."""
        return self._over and not self._kept

    def unread_data(self, content: bytes) -> None:
        """Read these bytes again."""
        self._kept[:0] = content

    async def _more(self) -> None:
        try:
            portion = await anext(self._stream, None)
        except ClientDisconnect:
            raise ClientLeft from None
        if portion is None:
            self._over = True
        else:
            self._kept += portion


async def _read(part: BodyPartReader) -> bytes:
    try:
        return await part.read_chunk(_PORTION)
    except _BROKEN as error:
        raise _broken(error) from None


def _broken(error: Exception) -> InvalidRequest:
    why = "the head of a part is not as it should be" if isinstance(error, HttpProcessingError) else error
    return InvalidRequest(f"The form cannot be read: {why or 'it is cut short'}.", code="invalid_form")
