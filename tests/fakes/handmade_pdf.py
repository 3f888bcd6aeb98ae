"""A PDF of one page written by hand, so that a test decides every byte that matters to it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.data.layered_pdf import pdf_file

FIRST_EXTRA_OBJECT = 6


def handmade_pdf(
    content: bytes,
    *,
    media_box: str = "0 0 200 100",
    page: str = "",
    catalog: str = "",
    font: str = "",
    xobjects: str = "",
    extra: Sequence[bytes] = (),
) -> bytes:
    """`content` is the page's stream, where /F1 is Helvetica. `page`, `catalog` and `font` are
    further entries of those dictionaries, `xobjects` of the page's; `extra` objects are numbered from 6."""
    resources = f"<< /Font << /F1 5 0 R >> /XObject << {xobjects} >> >>"
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{media_box}] /Contents 4 0 R "
            f"/Resources {resources} {page} >>"
        ).encode(),
        stream("", content),
        f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding {font} >>".encode(),
        *extra,
    ]
    return pdf_file(objects)


def stream(entries: str, body: bytes) -> bytes:
    """A stream object with `entries` in its dictionary."""
    return f"<< {entries} /Length {len(body)} >>\nstream\n".encode() + body + b"\nendstream"


def grey_picture(width: int, height: int, samples: bytes) -> bytes:
    """An image object of one byte a pixel."""
    return stream(
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} "
        "/ColorSpace /DeviceGray /BitsPerComponent 8",
        samples,
    )


def text_at(x: float, y: float, text: str, size: float = 12) -> bytes:
    """One line of upright text."""
    return f"BT /F1 {size} Tf {x} {y} Td ({text}) Tj ET\n".encode("latin-1")
