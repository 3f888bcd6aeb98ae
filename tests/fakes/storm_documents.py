"""Small documents made on the fly, each page of a colour of its own, some with a colour that hurts."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from quire.models.stub import Marker
from tests.data.layered_pdf import pdf_file
from tests.fakes.handmade_pdf import stream

MARKERS = {
    "poison": Marker.POISON,
    "kill": Marker.KILL,
    "hang": Marker.HANG,
    "fatal": Marker.FATAL,
    "slow": Marker.SLOW,
}
HARMLESS = ("slow",)
SIDE_PX = 40
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class StormDocument:
    """A file, and for each of its pages the colour and the name of its marker, if it has one."""

    path: Path
    media_type: str
    colours: tuple[Colour, ...]
    markers: tuple[str | None, ...]

    def text(self, index: int) -> str:
        """What the stub reads from that page."""
        return f"{SIDE_PX} x {SIDE_PX}: {SIDE_PX * SIDE_PX * sum(self.colours[index])}"

    def is_faulty(self, index: int) -> bool:
        return self.markers[index] not in (None, *HARMLESS)


class StormLibrary:
    """`per_thousand` of all pages carry each marker."""

    def __init__(self, folder: Path, seed: int, per_thousand: int) -> None:
        self._folder = folder
        self._random = random.Random(seed)
        self._per_thousand = per_thousand
        self._number = 0

    def document(self) -> StormDocument:
        """An image of one page, or a PDF of up to five."""
        self._number += 1
        num_pages = self._random.randint(0, 5)
        markers = tuple(self._marker() for _ in range(max(1, num_pages)))
        colours = tuple(MARKERS[name] if name else self._colour() for name in markers)
        if num_pages == 0:
            path = self._folder / f"{self._number}.png"
            Image.fromarray(np.full((SIDE_PX, SIDE_PX, 3), colours[0], dtype=np.uint8)).save(path)
            return StormDocument(path, "image/png", colours, markers)
        path = self._folder / f"{self._number}.pdf"
        path.write_bytes(coloured_pdf(colours))
        return StormDocument(path, "application/pdf", colours, markers)

    def _marker(self) -> str | None:
        drawn = self._random.randrange(1000) // self._per_thousand
        return [*MARKERS, None][min(drawn, len(MARKERS))]

    def _colour(self) -> Colour:
        red, green, blue = (self._random.randint(20, 255) for _ in range(3))
        return (red, green, blue)


def coloured_pdf(colours: tuple[Colour, ...]) -> bytes:
    """A page of each colour; 72 dots an inch make SIDE_PX of its side."""
    numbers = [3 + 2 * index for index in range(len(colours))]
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(colours)} >>".encode(),
    ]
    for number, colour in zip(numbers, colours, strict=True):
        fill = " ".join(f"{part / 255:.5f}" for part in colour)
        objects += [
            (
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {SIDE_PX} {SIDE_PX}] /Resources << >> "
                f"/Contents {number + 1} 0 R >>"
            ).encode(),
            stream("", f"{fill} rg 0 0 {SIDE_PX} {SIDE_PX} re f".encode()),
        ]
    return pdf_file(objects)
