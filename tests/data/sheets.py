"""How a sample page is drawn and how it is worn: ink on paper, then skew, uneven light, noise and blur."""

from __future__ import annotations

import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont


class Sheet:
    """A white page that remembers the lines written on it, in the order of writing."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("L", (width, height), 255)
        self.lines: list[str] = []
        self._draw = ImageDraw.Draw(self.image)

    def write(self, x: float, y: float, text: str, size: int, *, anchor: str = "la", ink: int = 25) -> None:
        """Writes one line whose anchor lies at `x`, `y`; `size` is the font's, in pixels."""
        self._draw.text((x, y), text, font=ImageFont.load_default(size=size), fill=ink, anchor=anchor)
        self.lines.append(text)

    def paragraph(self, x: float, y: float, text: str, size: int, width: float) -> float:
        """Writes `text` in lines no wider than `width`; returns where the next line would stand."""
        for line in wrapped(text, size, width):
            self.write(x, y, line, size)
            y += line_height(size)
        return y

    def rule(self, left: float, y: float, right: float) -> None:
        self._draw.line((left, y, right, y), fill=60, width=2)

    def patch(self, left: float, top: float, right: float, bottom: float, ink: int) -> None:
        self._draw.rectangle((left, top, right, bottom), fill=ink)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def line_height(size: int) -> int:
    return round(size * 1.5)


def wrapped(text: str, size: int, width: float) -> list[str]:
    """`text` broken at spaces into lines no wider than `width` pixels."""
    font = ImageFont.load_default(size=size)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def worn(page: Image.Image, chance: random.Random, *, skew_degrees: float, noise: int) -> Image.Image:
    """The page as a scanner sees it. `noise` is the largest change of a grey value, of 255."""
    turned = page.rotate(skew_degrees, Image.Resampling.BICUBIC, fillcolor=255)
    lit = ImageChops.multiply(turned, _light(page.size))
    soft = lit.filter(ImageFilter.GaussianBlur(0.5))
    return _noisy(soft, chance, noise) if noise else soft


def _light(size: tuple[int, int]) -> Image.Image:
    """Brighter at the top than at the bottom, as under a lid that does not close."""
    return Image.linear_gradient("L").resize(size).point([255 - value // 14 for value in range(256)])


def _noisy(page: Image.Image, chance: random.Random, noise: int) -> Image.Image:
    grains = Image.frombytes("L", page.size, chance.randbytes(page.width * page.height))
    scaled = grains.point([128 + (value - 128) * noise // 128 for value in range(256)])
    return ImageChops.add(page, scaled, offset=-128)
