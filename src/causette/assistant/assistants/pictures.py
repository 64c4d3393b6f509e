"""The small picture of an assistant: checked by what it is, not by what it is said to be."""

from base64 import b64decode
from binascii import Error
from typing import Final

from causette.assistant.assistants.types import Picture
from causette.errors import InvalidRequest
from causette.ids import new_id

#: Bytes of a picture. The page sends it cut to a square of 256 pixels, which takes a tenth of this.
LARGEST: Final = 256 * 1024


def checked_picture(content: str) -> Picture:
    """The picture in base64 ``content``.

    Raises:
        InvalidRequest: it is no PNG, JPEG or WebP, or too large.
    """
    try:
        data = b64decode(content, validate=True)
    except (Error, ValueError):
        raise InvalidRequest("The picture is not base64.", param="content") from None
    if len(data) > LARGEST:
        raise InvalidRequest(
            f"The picture has {len(data):,} bytes; at most {LARGEST:,} are taken. Make it smaller.",
            param="content",
        )
    media_type = _media_type(data)
    if media_type is None:
        raise InvalidRequest("The picture is no PNG, JPEG or WebP.", param="content")
    return Picture(id=new_id("pic"), media_type=media_type, data=data)


def _media_type(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None
