"""Documents as long, as large or as troublesome as a bench asks, made from the project's own samples."""

from __future__ import annotations

import io
import re
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pypdfium2
from PIL import Image

from bench.served import ROOT
from tests.data.layered_pdf import layered_pdf

INVOICE = ROOT / "tests" / "data" / "invoice.jpg"
_CONTRACT = ROOT / "tests" / "data" / "contract.pdf"


def scanned_pdf(num_pages: int, first: int = 0) -> bytes:
    """Scanned-looking pages of the sample contract from its page `first` (from 0) on, over and over. They
    have no text layer. Each turn brings its pictures anew, as in a real scan of so many pages."""
    source = pypdfium2.PdfDocument(_CONTRACT)
    made = pypdfium2.PdfDocument.new()
    indices = list(islice(cycle(range(len(source))), first, first + num_pages))
    while indices:
        turn, indices = indices[: len(source)], indices[len(source) :]
        made.import_pages(source, turn)
    file = io.BytesIO()
    made.save(file)
    made.close()
    source.close()
    return file.getvalue()


def text_pdf(num_pages: int) -> bytes:
    """Pages of thirty lines in a text layer: the model is not asked, the results are long."""
    lines = [f"{number}. The parties agree on clause {number} as it stands." for number in range(1, 31)]
    return layered_pdf([[f"Page {page + 1}", *lines] for page in range(num_pages)])


def write_zeros(path: Path, num_bytes: int) -> None:
    """A file that takes no disk and is no document."""
    with path.open("wb") as file:
        file.truncate(num_bytes)


def write_padded_pdf(path: Path, num_bytes: int) -> None:
    """A valid PDF of one page and so many bytes, almost all of them white space before its table of
    objects; it takes hardly any disk."""
    small = text_pdf(1)
    table = small.rindex(b"xref\n0 ")
    tail = re.sub(rb"startxref\n\d+", b"startxref\n%d", small[table:])
    start = num_bytes - len(tail % num_bytes)
    with path.open("wb") as file:
        file.write(small[:table])
        file.seek(start)
        file.write(tail % start)


def marked_png(first_pixel: tuple[int, int, int]) -> bytes:
    """A small picture with a first pixel that tells the stub model what to do."""
    pixels = np.full((64, 64, 3), 255, np.uint8)
    pixels[0, 0] = first_pixel
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
