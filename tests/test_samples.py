"""The committed samples are what their generator draws, and small."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageStat

from tests.data.generate import main

MAX_BYTES = 3_000_000
NUM_PAGES = {"invoice.jpg": 1, "report.png": 1, "letters.tiff": 3, "statement.pdf": 2, "contract.pdf": 40}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("drawn")
    main(place)
    return place


@pytest.mark.parametrize("name", NUM_PAGES)
def test_true_text_is_what_the_generator_wrote(drawn: Path, samples: Path, name: str) -> None:
    written, committed = ((place / name).with_suffix(".txt").read_text() for place in (drawn, samples))
    assert committed == written, "run `make samples`"
    assert committed.count("\f") + 1 == NUM_PAGES[name]


@pytest.mark.parametrize("name", ["invoice.jpg", "report.png"])
def test_picture_is_what_the_generator_drew(drawn: Path, samples: Path, name: str) -> None:
    """Near, not equal: another Pillow may encode and draw a little otherwise."""
    ours, theirs = (Image.open(place / name).convert("L") for place in (drawn, samples))
    assert ours.size == theirs.size
    assert ImageStat.Stat(ImageChops.difference(ours, theirs)).mean[0] < 2


@pytest.mark.parametrize("name", ["statement.pdf", "contract.pdf"])
def test_pdf_has_its_pages(samples: Path, name: str) -> None:
    with pypdfium2.PdfDocument(samples / name) as document:
        assert len(document) == NUM_PAGES[name]


def test_statement_carries_its_text(samples: Path) -> None:
    with pypdfium2.PdfDocument(samples / "statement.pdf") as document:
        text = document[0].get_textpage().get_text_range()
    first_page = (samples / "statement.txt").read_text().split("\f")[0]
    assert text.split() == first_page.split()


def test_letters_are_three_bilevel_fax_pages(samples: Path) -> None:
    with Image.open(samples / "letters.tiff") as letters:
        assert getattr(letters, "n_frames", 1) == 3
        assert (letters.mode, letters.info["compression"]) == ("1", "group4")


def test_samples_stay_small(samples: Path) -> None:
    assert sum(path.stat().st_size for path in samples.iterdir()) < MAX_BYTES
