"""How well receipts and forms are read, beside RapidOCR on the same files. `make bench-accuracy`.

RapidOCR 3.10.0 runs the same PP-OCRv6 small weights on ONNX Runtime with its own defaults.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.documents import DOCUMENTS, Document, pages_of
from bench.in_process import read_pages
from bench.report import publish
from bench.scoring import Piece, Tally, form_truth, piece_of_corners, receipt_truth, tally
from quire.models.model_folder import default_model_dir
from quire.models.ppocr.reader import PPOCRReader, load_reader
from quire.words.settings import Settings

PAGES_AT_ONCE = 4
HEADER = "| documents | system | F1 | recall | precision | character error rate |\n" + "|---" * 6 + "|"


@dataclass(frozen=True)
class Family:
    """Documents of one kind, and how their ground truth is read."""

    name: str
    images: list[Path]
    truth: Callable[[Path], list[Piece]]
    truth_suffix: str

    def truth_of(self, image: Path) -> list[Piece]:
        return self.truth(image.with_suffix(self.truth_suffix))


Reader = Callable[[list[Path]], list[list[Piece]]]


def families() -> list[Family]:
    receipts, forms = DOCUMENTS / "receipts", DOCUMENTS / "forms"
    return [
        Family("receipts", sorted(receipts.glob("*.jpg")), receipt_truth, ".csv"),
        Family("forms", sorted(forms.glob("*.png")), form_truth, ".json"),
    ]


def rapidocr_reader() -> Reader:
    from rapidocr import RapidOCR

    engine = RapidOCR()
    logging.disable(logging.CRITICAL)

    def read(image: Path) -> list[Piece]:
        found: Any = engine(str(image))
        if found.boxes is None:
            return []
        return [piece_of_corners(text, box) for text, box in zip(found.txts, found.boxes, strict=True)]

    return lambda images: [read(image) for image in images]


def size_in_file(image: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(image) as opened:
        return opened.size


def quire_reader(model: PPOCRReader, settings: Settings) -> Reader:
    def pieces(images: list[Path]) -> list[list[Piece]]:
        pages = [next(pages_of(image, Document(image).media_type, settings)) for image in images]
        read = []
        for image, pixels, text in zip(images, pages, read_pages(model, pages), strict=True):
            scale = size_in_file(image)[0] / pixels.shape[1]
            corners = [[(point.x * scale, point.y * scale) for point in line.polygon] for line in text.lines]
            read.append(
                [piece_of_corners(line.text, box) for line, box in zip(text.lines, corners, strict=True)]
            )
        return read

    return pieces


def readers(precisions: list[str]) -> dict[str, Reader]:
    contenders = {"RapidOCR 3.10.0": rapidocr_reader()}
    automatic = Settings.from_environ({})
    default = load_reader(default_model_dir(), automatic).precision.value
    for precision in precisions:
        settings = Settings.from_environ({"QUIRE_PRECISION": precision})
        name = f"Quire, {precision}" + (", the default here" if precision == default else "")
        contenders[name] = quire_reader(load_reader(default_model_dir(), settings), settings)
    return contenders


def measure(reader: Reader, family: Family) -> dict[str, Tally]:
    """One tally a document, by file name."""
    tallies = {}
    for first in range(0, len(family.images), PAGES_AT_ONCE):
        images = family.images[first : first + PAGES_AT_ONCE]
        for image, read in zip(images, reader(images), strict=True):
            tallies[image.name] = tally(read, family.truth_of(image))
    return tallies


def row(system: str, family: str, total: Tally) -> str:
    figures = (total.f1, total.recall, total.precision, total.character_error_rate)
    return f"| {family} | {system} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    given = parser.parse_args()
    contenders = readers(given.precisions)
    rows = [
        "| documents | system | F1 | recall | precision | character error rate |",
        "|---|---|---|---|---|---|",
    ]
    figures = {}
    for family in families():
        for system, reader in contenders.items():
            tallies = measure(reader, family)
            total = sum(tallies.values(), Tally())
            rows.append(row(system, f"{len(tallies)} {family.name}", total))
            print(rows[-1], flush=True)
            figures[f"{family.name}: {system}"] = {
                "total": asdict(total),
                "f1_by_document": {name: round(each.f1, 3) for name, each in tallies.items()},
            }
    text = "\n".join(rows) + (
        "\n\nBag of words: case folded, split at white space, micro average (hits and words summed over the "
        "documents). Characters: case folded, truth and reading both put row by row by the same rule."
    )
    publish("accuracy", "Accuracy on receipts and forms (`make bench-accuracy`)", text, figures)


if __name__ == "__main__":
    main()
