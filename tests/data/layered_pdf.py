"""A PDF with a real text layer, written by hand: Helvetica, one text object a line, no compression."""

from __future__ import annotations

from collections.abc import Sequence

_WIDTH, _HEIGHT, _SIZE = 595, 842, 13


def layered_pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """A4 pages whose lines stand 24 points apart; the text must be plain ASCII."""
    page_numbers = [4 + 2 * index for index in range(len(pages))]
    kids = " ".join(f"{number} 0 R" for number in page_numbers)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, lines in zip(page_numbers, pages, strict=True):
        objects += [_page(number + 1), _stream(lines)]
    return pdf_file(objects)


def _page(content: int) -> bytes:
    return (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] "
        f"/Resources << /Font << /F1 3 0 R >> >> /Contents {content} 0 R >>"
    ).encode()


def _stream(lines: Sequence[str]) -> bytes:
    rows = [
        f"BT /F1 {_SIZE} Tf 72 {_HEIGHT - 90 - 24 * row} Td ({_escaped(line)}) Tj ET"
        for row, line in enumerate(lines)
    ]
    body = "\n".join(rows).encode("ascii")
    return b"<< /Length %d >>\nstream\n%b\nendstream" % (len(body), body)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def pdf_file(objects: Sequence[bytes]) -> bytes:
    """The numbered objects as a file; the first is its catalogue."""
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    xref = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, xref)
    return bytes(out)
