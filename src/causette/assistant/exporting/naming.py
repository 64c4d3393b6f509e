"""What exported files are called."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

_LONGEST_NAME: Final = 80
_UNSAFE: Final = re.compile(r"[^\w .,'()-]+")


def file_stem(title: str) -> str:
    """A title as a file may be called everywhere."""
    name = _UNSAFE.sub(" ", unicodedata.normalize("NFC", title))
    return " ".join(name.split())[:_LONGEST_NAME].strip(" .") or "conversation"


def attachment(name: str) -> str:
    """The header that has a browser keep an answer as a file called ``name`` (RFC 6266)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
