"""Files as people have them, made with the libraries that they are made with."""

import io
import struct
import zipfile
import zlib

from docx import Document
from openpyxl import Workbook
from PIL import Image
from pptx import Presentation


def png(width: int = 640, height: int = 480, *, noise: int = 0) -> bytes:
    """A picture; with ``noise`` so many bytes of it that no compression makes less."""
    image = Image.effect_noise((width, height), 90) if noise else Image.new("RGB", (width, height), "teal")
    made = io.BytesIO()
    image.save(made, "PNG", compress_level=1)
    content = made.getvalue()
    if noise > len(content):
        # A chunk of its own that readers pass over.
        body = b"noIs" + bytes(noise - len(content) - 12)
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        content = content[:-12] + chunk + content[-12:]
    return content


def pdf(*pages: str) -> bytes:
    """A PDF with a line of text on each page, written by hand: its format is text."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids: list[str] = []
    for text in pages:
        stream = f"BT /F1 18 Tf 72 700 Td ({text}) Tj ET".encode("latin-1")
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(objects) + 2} 0 R "
            "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>".encode()
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n".encode() + stream + b"\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    made, places = b"%PDF-1.4\n", list[int]()
    for number, body in enumerate(objects, start=1):
        places.append(len(made))
        made += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return (
        made
        + (
            f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
            f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(made)}\n%%EOF"
        ).encode()
    )


def docx() -> bytes:
    document = Document()
    document.add_heading("Harbour report", 1)
    document.add_paragraph("The crane was repaired in March.")
    document.add_heading("Costs", 2)
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Crane", "4 200 €"
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def pptx() -> bytes:
    show = Presentation()
    for title, text in (("Welcome", "Tides and ships"), ("Plans", "A second quay")):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
    made = io.BytesIO()
    show.save(made)
    return made.getvalue()


def xlsx() -> bytes:
    book = Workbook()
    sheet = book.active
    sheet.title = "Ships"
    for row in (("Name", "Tons"), ("Aurora", 1200), ("Belle", 900)):
        sheet.append(row)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def repacked(content: bytes, **parts: bytes) -> bytes:
    """An office document with other parts in the place of its own."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, parts.get(name.rpartition("/")[2].replace(".", "_"), old.read(name)))
    return made.getvalue()
