"""Model folders with a page model of the user's own: a torch network of a few layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GRID = '''
"""Measures how dark each cell of a page is."""
import os, signal
import torch
from torch import nn

class Grid:
    canvases = [(64, 48), (48, 64)]
    max_items = 8
    revision = "7"

    def __init__(self, cells=2):
        self.cells = cells

    def load(self, model_dir, device):
        self.model_dir, self.place = model_dir, device
        self.network = nn.Sequential(nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(self.cells)).to(device)

    def pre(self, pages):
        return torch.from_numpy(pages).to(self.place).permute(0, 3, 1, 2).float() / 255

    def device(self, batch):
        return {"cells": self.network(batch).mean(dim=1)}

    def post(self, outputs, pages):
        cells = outputs["cells"]
        seen = {"model_dir": self.model_dir, "place": self.place.type, "outputs": cells.device.type}
        return [{"cells": found, "height": page.shape[0], **seen} for found, page in zip(cells, pages)]
'''
"""Class Grid: `fields` tell the mean of each of cells x cells cells."""


WRITES_BRIGHTNESS = """
def output_fn(reading, accept):
    return f"{reading.pages[0].fields['cells'][0][0]:.1f}", "text/plain"
"""
"""A handler over GRID: the brightness of the first page's first cell."""


def page_model_folder(
    base: Path, source: str = GRID, module: str = "grid", entry: str = "grid:Grid", **options: Any
) -> Path:
    """A base dir whose model is the class at `entry`, as quire.json names it. An empty `entry` writes no
    quire.json."""
    code = base / "model" / "code"
    code.mkdir(parents=True, exist_ok=True)
    (code / f"{module}.py").write_text(source)
    if entry:
        asked = {"task": "page-model", "class": entry, "options": options}
        (base / "model" / "quire.json").write_text(json.dumps(asked))
    return base
