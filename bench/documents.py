"""Which documents do the benches read, and what do their pages look like?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from bench.served import ROOT
from quire.engine.port import Pixels
from quire.rendering.opening import OpenDocument, RenderLimits, open_document
from quire.words.settings import Settings

DOCUMENTS = Path(os.environ.get("QUIRE_DOCUMENTS", ROOT.parent / "shared" / "documents"))
SAMPLES = ROOT / "tests" / "data"

_MEDIA_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".pdf": "application/pdf"}
_LONG_DPI = 200
"""A page of the long document is rendered at the size of the picture in it where QUIRE_DPI is this."""


@dataclass(frozen=True)
class Document:
    """A file and how many pages it has."""

    path: Path
    num_pages: int = 1

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self.path.suffix]


class NoDocuments(Exception):
    """There is nothing to read; the message says what to do."""


def documents_of(choice: str) -> tuple[Document, ...]:
    """`choice` is receipts, forms, both (in turns) or samples, the project's own two pictures.
    Raises NoDocuments."""
    families = {
        "receipts": sorted((DOCUMENTS / "receipts").glob("*.jpg")),
        "forms": sorted((DOCUMENTS / "forms").glob("*.png")),
        "samples": [SAMPLES / "invoice.jpg", SAMPLES / "report.png"],
    }
    families["both"] = _in_turns(families["receipts"], families["forms"])
    if not families[choice]:
        raise NoDocuments(
            f"{DOCUMENTS} holds nothing for --documents {choice}: set QUIRE_DOCUMENTS, or take `samples`"
        )
    return tuple(Document(path) for path in families[choice])


def _in_turns(some: Sequence[Path], others: Sequence[Path]) -> list[Path]:
    paired = [path for pair in zip(some, others, strict=False) for path in pair]
    return [*paired, *some[len(others) :], *others[len(some) :]]


def write_long_document(path: Path, documents: Sequence[Document], num_pages: int) -> Document:
    """A PDF of pictures: those of `documents`, over and over."""
    pictures = [_picture(document.path) for document in islice(cycle(documents), num_pages)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], resolution=_LONG_DPI)
    return Document(path, num_pages)


def _picture(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        return opened.convert("RGB")


def write_tiny_documents(folder: Path, count: int) -> tuple[Document, ...]:
    """One-page PNGs of a few hundred bytes, no two alike: hardly any work but what serving makes of them."""
    documents = [Document(folder / f"{number}.png") for number in range(count)]
    for number, document in enumerate(documents):
        Image.new("RGB", (32, 32), (number % 256, number // 256, 255)).save(document.path)
    return tuple(documents)


def pages_of(path: Path, media_type: str, settings: Settings) -> Iterator[Pixels]:
    """The pages as the render workers draw them."""
    limits = RenderLimits(
        dpi=settings.dpi,
        max_page_pixels=settings.max_page_pixels,
        max_source_pixels=settings.max_source_pixels,
    )
    opened = open_document(path, media_type, None, limits)
    try:
        for index in range(opened.num_pages):
            yield _drawn(opened, index)
    finally:
        opened.close()


def _drawn(opened: OpenDocument, index: int) -> Pixels:
    size = opened.measure(index, None)
    pixels = np.empty((size.height_px, size.width_px, 3), np.uint8)
    opened.render(index, size, pixels)
    return pixels
