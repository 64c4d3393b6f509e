"""Reads one file in a process of its own: ``python -m causette.assistant.files.reading KIND FILE INTO``.

Whatever a file does to its reader, it does it here: this process has little memory, little time, may write little, and
nobody waits for it beyond its time. It writes a `ParsedDocument` as JSON to ``INTO/parsed.json``, or a picture's size
to ``INTO/picture.json`` and a small picture to ``INTO/thumbnail.webp``; what is wrong with the file is one line on
standard error, with exit code 3.
"""

import csv
import io
import re
import resource
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from causette.assistant.files.types import ParsedDocument, Piece

#: Exit codes: the file cannot be read; a library that reads it is not installed.
UNREADABLE: Final = 3
NOT_INSTALLED: Final = 4

_MEMORY: Final = 1 << 30
_SECONDS: Final = 60
_WRITTEN: Final = 1 << 26
# As much text as a document is kept of: some two thousand pages.
_MOST_TEXT: Final = 5_000_000
_MOST_PAGES: Final = 5_000
_MOST_ROWS: Final = 100_000
_MOST_COLUMNS: Final = 500
# What an office document may be when it is unpacked. Real ones are a tenth of it.
_MOST_UNPACKED: Final = 400_000_000
_MOST_PARTS: Final = 20_000
_MOST_PIXELS: Final = 120_000_000
_THUMBNAIL: Final = 512
# How a camera was held, in a picture's EXIF data.
_ORIENTATION: Final = 0x0112
_ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})
# Rows of a sheet or a table, and lines of plain text, that are one piece.
_ROWS_A_PIECE: Final = 40
_PIECE: Final = 4_000

_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$")
_FENCE = re.compile(r"^(```|~~~)")


class Unreadable(Exception):
    """The file is broken, protected or not what it seems."""


class _Part(msgspec.Struct):
    text: str
    page: int | None = None
    slide: int | None = None
    sheet: str | None = None
    heading: str | None = None


def document_of(parts: Iterable[_Part]) -> ParsedDocument:
    """The document of these parts, as far as it is kept."""
    pieces: list[Piece] = []
    start = 0
    for part in parts:
        text = part.text.replace("\0", "").strip()
        if not text:
            continue
        if start + len(text) > _MOST_TEXT:
            return ParsedDocument(pieces=tuple(pieces), truncated=True)
        pieces.append(
            Piece(
                text=text,
                start=start,
                page=part.page,
                slide=part.slide,
                sheet=part.sheet,
                heading=part.heading,
            )
        )
        start += len(text) + 2
    return ParsedDocument(pieces=tuple(pieces))


def read(kind: str, path: Path) -> ParsedDocument:
    """What the file at ``path`` says.

    Raises:
        Unreadable: it cannot be read.
        ImportError: what reads it is not installed.
    """
    if kind in {"document", "slides", "sheet"}:
        _check_unpacked(path)
    return document_of(_READERS[kind](path))


def _check_unpacked(path: Path) -> None:
    """Refuse what would be unpacked without end. Archives are never unpacked beyond the sizes that they declare."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile as error:
        raise Unreadable(str(error)) from error
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _MOST_UNPACKED:
        raise Unreadable("unpacked it would be larger than any real document")


def _pdf(path: Path) -> Iterator[_Part]:
    import pypdfium2 as pdfium  # noqa: PLC0415 - each reader loads what it needs

    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        raise Unreadable("it is broken, or protected with a password") from error
    for number in range(min(len(document), _MOST_PAGES)):
        try:
            text: str = document[number].get_textpage().get_text_bounded()
        except pdfium.PdfiumError:
            continue
        yield _Part(text.replace("\r\n", "\n").replace("\r", "\n"), page=number + 1)


def _docx(path: Path) -> Iterator[_Part]:
    from docx import Document  # noqa: PLC0415
    from docx.table import Table  # noqa: PLC0415

    heading: str | None = None
    lines: list[str] = []
    for block in Document(str(path)).iter_inner_content():
        if isinstance(block, Table):
            lines += [" | ".join(cell.text.strip() for cell in row.cells) for row in block.rows]
        elif block.style is not None and (block.style.name or "").startswith(("Heading", "Title")):
            yield _Part("\n".join(lines), heading=heading)
            heading = block.text.strip() or heading
            lines = [block.text]
        else:
            lines.append(block.text)
        if sum(map(len, lines)) > _PIECE:
            yield _Part("\n".join(lines), heading=heading)
            lines = []
    yield _Part("\n".join(lines), heading=heading)


def _pptx(path: Path) -> Iterator[_Part]:
    from pptx import Presentation  # noqa: PLC0415

    for number, slide in enumerate(Presentation(str(path)).slides, start=1):
        title = slide.shapes.title
        lines: list[str] = []
        # Its types name what all shapes have; these have more.
        for shape in cast("Iterable[Any]", slide.shapes):
            if shape.has_text_frame:
                lines.append(shape.text_frame.text)
            elif shape.has_table:
                lines += [" | ".join(cell.text for cell in row.cells) for row in shape.table.rows]
        if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
            lines.append(notes.text)
        heading = title.text_frame.text.strip() if title is not None else None
        yield _Part("\n".join(filter(None, lines)), slide=number, heading=heading or None)


def _xlsx(path: Path) -> Iterator[_Part]:
    from openpyxl import load_workbook  # noqa: PLC0415

    # Opened here: the library judges files by their names.
    book = load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
    for sheet in book.worksheets:
        rows = sheet.iter_rows(max_row=_MOST_ROWS, max_col=_MOST_COLUMNS, values_only=True)
        yield from _rows((["" if cell is None else str(cell) for cell in row] for row in rows), sheet.title)


def _csv(path: Path) -> Iterator[_Part]:
    text = _decoded(path)
    try:
        dialect: Any = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    csv.field_size_limit(1_000_000)
    try:
        yield from _rows(csv.reader(io.StringIO(text, newline=""), dialect), None)
    except csv.Error as error:
        raise Unreadable(str(error)) from error


def _rows(rows: Iterable[list[str]], sheet: str | None) -> Iterator[_Part]:
    """Rows as lines; each piece says again what its columns are called."""
    head, lines = "", list[str]()
    for number, row in enumerate(rows):
        if number >= _MOST_ROWS:
            break
        while row and not row[-1].strip():
            row.pop()
        line = " | ".join(" ".join(cell.split()) for cell in row)
        if not line:
            continue
        if not head:
            head = line
            continue
        lines.append(line)
        if len(lines) == _ROWS_A_PIECE or sum(map(len, lines)) > _PIECE:
            yield _Part("\n".join((head, *lines)), sheet=sheet)
            lines.clear()
    if lines or head:
        yield _Part("\n".join((head, *lines)), sheet=sheet)


def _html(path: Path) -> Iterator[_Part]:
    from lxml import html as library  # noqa: PLC0415

    # Its stubs know less than it does.
    html: Any = library
    parser = html.HTMLParser(huge_tree=False, no_network=True)
    page: Any = html.document_fromstring(path.read_bytes(), parser=parser)
    for gone in page.xpath("//script|//style|//noscript|//template|//svg|//head/*[not(self::title)]"):
        gone.drop_tree()
    heading: str | None = None
    lines: list[str] = []
    for element in page.iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            yield _Part("\n".join(lines), heading=heading)
            heading = " ".join(element.text_content().split()) or heading
            lines = [heading or ""]
        elif element.tag == "img" and (alt := element.get("alt", "").strip()):
            lines.append(alt)
        elif element.tag in _BLOCKS and not any(child.tag in _BLOCKS for child in element.iterdescendants()):
            lines.append(" ".join(element.text_content().split()))
        if sum(map(len, lines)) > _PIECE:
            yield _Part("\n".join(lines), heading=heading)
            lines = []
    yield _Part("\n".join(lines), heading=heading)


_BLOCKS: Final = frozenset(
    [
        "title",
        "p",
        "li",
        "dt",
        "dd",
        "td",
        "th",
        "pre",
        "blockquote",
        "figcaption",
        "caption",
        "summary",
        "address",
        "article",
        "section",
        "div",
        "main",
        "body",
    ]
)


def _markdown(path: Path) -> Iterator[_Part]:
    heading: str | None = None
    lines: list[str] = []
    in_code = False
    for line in _decoded(path).splitlines():
        if _FENCE.match(line):
            in_code = not in_code
        if not in_code and (found := _HEADING.match(line)):
            yield from _portions(lines, heading)
            heading, lines = found[1], [line]
        else:
            lines.append(line)
    yield from _portions(lines, heading)


def _text(path: Path) -> Iterator[_Part]:
    yield from _portions(_decoded(path).splitlines(), None)


def _portions(lines: Iterable[str], heading: str | None) -> Iterator[_Part]:
    """Lines in portions that end between paragraphs, or between lines where a paragraph is long."""
    portion: list[str] = []
    length = 0
    for line in lines:
        rest = line
        while len(rest) > _PIECE:
            yield _Part("\n".join((*portion, rest[:_PIECE])), heading=heading)
            portion, length, rest = [], 0, rest[_PIECE:]
        portion.append(rest)
        length += len(rest)
        if length > _PIECE or (length > _PIECE // 2 and not rest.strip()):
            yield _Part("\n".join(portion), heading=heading)
            portion, length = [], 0
    yield _Part("\n".join(portion), heading=heading)


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


_READERS: Final = {
    "pdf": _pdf,
    "document": _docx,
    "slides": _pptx,
    "sheet": _xlsx,
    "table": _csv,
    "web": _html,
    "markdown": _markdown,
    "text": _text,
    "code": _text,
}


def picture(path: Path, thumbnail: Path) -> dict[str, int]:
    """The size of the picture at ``path`` as it is shown, and a small one at ``thumbnail``.

    Raises:
        Unreadable: it is broken, or larger than any real picture.
        ImportError: what reads it is not installed.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = _MOST_PIXELS
    try:
        with Image.open(path, formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise Unreadable("it has more pixels than are read")
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
            # A large JPEG is decoded at a smaller scale.
            image.draft("RGB", (_THUMBNAIL, _THUMBNAIL))
            shown = ImageOps.exif_transpose(image)
            shown.thumbnail((_THUMBNAIL, _THUMBNAIL))
            shown.convert("RGBA" if "A" in shown.getbands() or "transparency" in shown.info else "RGB").save(
                thumbnail, "WEBP", quality=80
            )
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Unreadable("it is broken") from error
    return {"width": height, "height": width} if turned else {"width": width, "height": height}


def main(kind: str, path: Path, into: Path) -> int:
    """Read, under the limits of this process; the exit code."""
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_FSIZE, _WRITTEN),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))
    try:
        if kind == "image":
            (into / "picture.json").write_bytes(msgspec.json.encode(picture(path, into / "thumbnail.webp")))
        else:
            (into / "parsed.json").write_bytes(msgspec.json.encode(read(kind, path)))
    except ImportError as error:
        sys.stderr.write(f"{error.name}\n")
        return NOT_INSTALLED
    except MemoryError:
        sys.stderr.write("it takes too much memory to read\n")
        return UNREADABLE
    except Unreadable as error:
        sys.stderr.write(f"{error}\n")
        return UNREADABLE
    except Exception as error:
        # A library of many thousand lines met a file that somebody made: whatever it raises, the file is the reason.
        sys.stderr.write(f"it is broken ({type(error).__name__})\n")
        return UNREADABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
