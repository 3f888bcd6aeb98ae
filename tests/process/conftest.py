"""Small documents for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.png"
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A document of 40 pages."""
    path = tmp_path / "pages.tif"
    first, *rest = [Image.fromarray(np.full((40, 40, 3), number, np.uint8)) for number in range(40)]
    first.save(path, save_all=True, append_images=rest)
    return path
