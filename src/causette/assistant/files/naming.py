"""What a file is called, and what it is: its bytes say so, and its name only which kind of text it is."""

import codecs
import unicodedata
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

from causette.assistant.files.types import FileKind
from causette.errors import InvalidRequest

_LONGEST_NAME: Final = 200
# As much as is looked at.
_HEAD: Final = 65_536
_PDF_WITHIN: Final = 1024

_PICTURES: Final = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF87a", 0, "image/gif"),
    (b"GIF89a", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
)
_OFFICE: Final[dict[str, tuple[str, FileKind]]] = {
    "word/": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document"),
    "ppt/": ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "slides"),
    "xl/": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "sheet"),
}
_TEXTS: Final[dict[str, tuple[str, FileKind]]] = {
    ".md": ("text/markdown", "markdown"),
    ".markdown": ("text/markdown", "markdown"),
    ".csv": ("text/csv", "table"),
    ".tsv": ("text/tab-separated-values", "table"),
    ".html": ("text/html", "web"),
    ".htm": ("text/html", "web"),
    ".xhtml": ("text/html", "web"),
    ".json": ("application/json", "code"),
    ".xml": ("application/xml", "code"),
    ".svg": ("application/xml", "code"),
    ".yaml": ("application/yaml", "code"),
    ".yml": ("application/yaml", "code"),
}
_CODE: Final = frozenset(
    [
        ".py",
        ".js",
        ".mjs",
        ".ts",
        ".tsx",
        ".jsx",
        ".java",
        ".kt",
        ".c",
        ".h",
        ".cc",
        ".cpp",
        ".hpp",
        ".cs",
        ".go",
        ".rs",
        ".rb",
        ".php",
        ".swift",
        ".scala",
        ".r",
        ".jl",
        ".lua",
        ".pl",
        ".sh",
        ".bash",
        ".ps1",
        ".sql",
        ".css",
        ".scss",
        ".toml",
        ".ini",
        ".cfg",
        ".tex",
        ".vue",
        ".dart",
        ".ex",
        ".exs",
        ".erl",
        ".hs",
        ".clj",
        ".m",
        ".ipynb",
    ]
)


def clean_name(name: str) -> str:
    """A name that is safe to show and to save under: one line, no folders, no control or direction marks.

    Raises:
        InvalidRequest: nothing is left of it.
    """
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    # Controls, and the marks that would show "gpj.exe" as "exe.jpg".
    name = "".join(char for char in name if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    name = " ".join(name.split()).strip(". ")
    if len(name) > _LONGEST_NAME:
        ending = PurePosixPath(name).suffix[:20]
        name = name[: _LONGEST_NAME - len(ending)] + ending
    if not name:
        raise InvalidRequest("A file needs a name.", param="name")
    return name


def what_it_is(path: Path, name: str) -> tuple[str, FileKind]:
    """The media type and the kind of the file at ``path``, which its owner called ``name``."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for mark, at, media_type in _PICTURES:
        if head[at : at + len(mark)] == mark:
            return media_type, "image"
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return "application/pdf", "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _office(path)
    if not _is_text(head):
        return "application/octet-stream", "other"
    start = head[:2048].lstrip(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "text/html", "web"
    ending = PurePosixPath(name.lower()).suffix
    if ending in _CODE:
        return "text/plain", "code"
    return _TEXTS.get(ending, ("text/plain", "text"))


def _office(path: Path) -> tuple[str, FileKind]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "application/octet-stream", "other"
    if "[Content_Types].xml" in names:
        for folder, what in _OFFICE.items():
            if any(name.startswith(folder) for name in names):
                return what
    return "application/zip", "other"


def _is_text(head: bytes) -> bool:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    if b"\0" in head:
        return False
    try:
        # The last character may be cut in two.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        # An older encoding: text has hardly any of the other control characters.
        controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
        return controls * 200 < len(head)
    return True
