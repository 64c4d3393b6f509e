"""What is read from files, and that no file does harm to anything but its own reading."""

import codecs
from pathlib import Path

import pytest

from causette.assistant.files.apart import look_at, read_document
from causette.assistant.files.naming import clean_name, what_it_is
from causette.assistant.files.types import FileKind, ParsedDocument, Piece
from causette.errors import InvalidRequest
from causette.jobs import JobFailed
from tests.assistant.files import samples

LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a0 "lol">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]><w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'>"
    + b"<w:body><w:p><w:r><w:t>&a11;</w:t></w:r></w:p></w:body></w:document>"
)


async def read(folder: Path, name: str, content: bytes) -> tuple[FileKind, ParsedDocument]:
    path = folder / "file"
    path.write_bytes(content)
    _, kind = what_it_is(path, name)
    return kind, await read_document(kind, path)


def places(document: ParsedDocument) -> list[tuple[str, object]]:
    return [
        (piece.text, piece.page or piece.slide or piece.sheet or piece.heading) for piece in document.pieces
    ]


@pytest.mark.parametrize(
    ("name", "content", "kind", "expected"),
    [
        (
            "a.pdf",
            samples.pdf("The first page", "The second"),
            "pdf",
            [("The first page", 1), ("The second", 2)],
        ),
        (
            "a.docx",
            samples.docx(),
            "document",
            [
                ("Harbour report\nThe crane was repaired in March.", "Harbour report"),
                ("Costs\nCrane | 4 200 €", "Costs"),
            ],
        ),
        ("a.pptx", samples.pptx(), "slides", [("Welcome\nTides and ships", 1), ("Plans\nA second quay", 2)]),
        ("a.xlsx", samples.xlsx(), "sheet", [("Name | Tons\nAurora | 1200\nBelle | 900", "Ships")]),
        ("a.csv", "Nom;Âge\nAda;36\n".encode(), "table", [("Nom | Âge\nAda | 36", None)]),
        (
            "a.html",
            b"<html><script>x()</script><h1>Tides</h1><p>High at <b>noon</b>.</p><img alt='A chart'></html>",
            "web",
            [("Tides\nHigh at noon.\nA chart", "Tides")],
        ),
        ("a.md", b"# One\nfirst\n```\n# no heading\n```\n## Two\nsecond", "markdown", None),
        ("a.txt", codecs.BOM_UTF16_LE + "déjà vu".encode("utf-16-le"), "text", [("déjà vu", None)]),
        ("a.txt", "déjà vu".encode("cp1252"), "text", [("déjà vu", None)]),
        ("a.py", b"print('hello')\n", "code", [("print('hello')", None)]),
    ],
    ids=["pdf", "docx", "pptx", "xlsx", "csv", "html", "markdown", "utf-16", "cp1252", "code"],
)
async def test_each_kind_is_read_with_its_places(
    tmp_path: Path, name: str, content: bytes, kind: str, expected: list[tuple[str, object]] | None
) -> None:
    found, document = await read(tmp_path, name, content)
    assert found == kind
    if expected is None:
        expected = [("# One\nfirst\n```\n# no heading\n```", "One"), ("## Two\nsecond", "Two")]
    assert places(document) == expected
    for piece in document.pieces:
        assert document.text[piece.start :].startswith(piece.text)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.pdf", b"%PDF-1.4 and nothing else"),
        ("broken.docx", samples.docx()[:2000]),
        ("laughs.docx", samples.repacked(samples.docx(), document_xml=LAUGHS)),
        ("bomb.xlsx", samples.repacked(samples.xlsx(), sheet1_xml=bytes(450_000_000))),
    ],
    ids=["broken pdf", "cut off", "billion laughs", "zip bomb"],
)
async def test_what_cannot_be_read_is_said_and_harms_nothing(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    kind = what_it_is(path, name)[1]
    if kind == "other":
        # Half an archive is none, and nobody tries to read it.
        return
    with pytest.raises(JobFailed) as refused:
        await read_document(kind, path)
    assert refused.value.code == "unreadable"


async def test_a_picture_is_measured_and_made_small(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(samples.png(1600, 900))
    seen = await look_at(tmp_path / "a")
    assert (seen.size.width, seen.size.height) == (1600, 900)
    assert seen.thumbnail[8:12] == b"WEBP"


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("holiday.png", b"<!doctype html><script>alert(1)</script>", "text/html"),
        ("report.pdf", samples.png(8, 8), "image/png"),
        ("notes.txt", b"\x7fELF\x02\x01\x01\x00\x00", "application/octet-stream"),
        ("letter.docx", b"PK\x03\x04 not an archive", "application/octet-stream"),
        ("drawing.svg", b"<svg onload='alert(1)'/>", "application/xml"),
    ],
)
def test_what_a_file_is_its_bytes_say(tmp_path: Path, name: str, content: bytes, media_type: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert what_it_is(path, name)[0] == media_type


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\plan.docx", "plan.docx"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("two\nlines\x00.txt", "twolines.txt"),
        (" . ..résumé.pdf ", "résumé.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_names_are_made_safe(sent: str, kept: str) -> None:
    assert clean_name(sent) == kept


@pytest.mark.parametrize("name", ["", "...", "a/", "\u200b"])
def test_a_name_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        clean_name(name)


def test_long_texts_keep_their_places() -> None:
    piece = Piece(text="later", start=7)
    assert ParsedDocument(pieces=(Piece(text="early", start=0), piece)).text[7:] == "later"
