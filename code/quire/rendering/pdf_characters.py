"""The characters of a PDF page's text layer, one by one, as PDFium places them."""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

_HYPHENS = "\x02\xad\ufffe"
"""PDFium's mark for a hyphen at a line's end (changed between its versions), and the soft hyphen."""

_LINE_ENDS = (0x0A, 0x0D)

_BULLETS = {"\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "➢"}
"""Symbol and Wingdings code points that word processors leave in the private use area."""

_INVISIBLE_MODES = (pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium_c.FPDF_TEXTRENDERMODE_CLIP)
SPACE, LINE_END = " ", "\n"

_SLANTED = 0.02
_DESCENT_EMS, _ASCENT_EMS = -0.22, 0.80
_SANE_LINE_HEIGHT_EMS = (0.5, 1.9)


class Direction(NamedTuple):
    """Unit vector along a line of text, in PDF page space (points, y up)."""

    x: float
    y: float

    def along(self, x: float, y: float) -> float:
        return self.x * x + self.y * y

    def across(self, x: float, y: float) -> float:
        """Grows from the baseline to the top of upright letters."""
        return self.x * y - self.y * x

    def point(self, along: float, across: float) -> tuple[float, float]:
        """x and y in page space."""
        return along * self.x - across * self.y, along * self.y + across * self.x


class Box(NamedTuple):
    """Upright, in PDF page space."""

    left: float
    right: float
    bottom: float
    top: float


class Extent(NamedTuple):
    """A box along and across a direction."""

    start: float
    end: float
    bottom: float
    top: float


class Character(NamedTuple):
    """`text` is "" where no meaning is known, SPACE, LINE_END, else one or a few letters. `start` to
    `end` lie along `direction`, `bottom` to `top` across it, in points; blanks have no extent.
    `is_visible` is what the text's render mode says."""

    text: str
    direction: Direction
    start: float
    end: float
    bottom: float
    top: float
    is_visible: bool

    @property
    def centre(self) -> tuple[float, float]:
        """x and y in page space."""
        return self.direction.point((self.start + self.end) / 2, (self.bottom + self.top) / 2)

    @property
    def is_blank(self) -> bool:
        return self.text in (SPACE, LINE_END)


_SPACE = Character(SPACE, Direction(1.0, 0.0), 0.0, 0.0, 0.0, 0.0, True)
_LINE_END = _SPACE._replace(text=LINE_END)


def page_characters(textpage: pdfium.PdfTextPage) -> list[Character]:
    """In the order of PDFium, which is the content's, with the spaces and line ends that it adds."""
    reader = _CharacterReader(textpage)
    return [character for index in _indices(textpage) if (character := reader.read(index)) is not None]


def _indices(textpage: pdfium.PdfTextPage) -> Iterator[int]:
    yield from range(max(0, pdfium_c.FPDFText_CountChars(textpage)))


class _CharacterReader:
    """Holds what one call after another fills: making the C values anew would cost most of the time."""

    def __init__(self, textpage: pdfium.PdfTextPage) -> None:
        self._textpage = textpage
        self._loose = pdfium_c.FS_RECTF()
        self._matrix = pdfium_c.FS_MATRIX()
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._sides = tuple(ctypes.c_double() for _ in range(4))
        self._visible_objects: dict[int, bool] = {}
        self._high_surrogate = 0

    def read(self, index: int) -> Character | None:
        """None for the first half of a surrogate pair: the pair is one character."""
        code = pdfium_c.FPDFText_GetUnicode(self._textpage, index)
        if 0xD800 <= code < 0xDC00:
            self._high_surrogate = code
            return None
        if 0xDC00 <= code < 0xE000 and self._high_surrogate:
            code = 0x10000 + (self._high_surrogate - 0xD800) * 0x400 + code - 0xDC00
        self._high_surrogate = 0
        if pdfium_c.FPDFText_IsGenerated(self._textpage, index) == 1:
            return _LINE_END if code in _LINE_ENDS else _SPACE
        unmapped = pdfium_c.FPDFText_HasUnicodeMapError(self._textpage, index) == 1
        text = "" if unmapped else _meaning(code)
        return _SPACE if text == SPACE else self._placed(index, text)

    def _placed(self, index: int, text: str) -> Character:
        matrix = self._matrix
        pdfium_c.FPDFText_GetMatrix(self._textpage, index, matrix)
        em = abs(pdfium_c.FPDFText_GetFontSize(self._textpage, index)) * math.hypot(matrix.c, matrix.d)
        direction = _direction(matrix.a, matrix.b)
        if min(abs(direction.x), abs(direction.y)) > _SLANTED:
            extent = self._slanted_extent(index, direction, em)
        else:
            extent = self._upright_extent(index, direction, em)
        return Character(text, direction, *extent, self._is_visible(index))

    def _upright_extent(self, index: int, direction: Direction, em: float) -> Extent:
        """As long as the glyph and as high as its font, where the font's own figures make sense."""
        tight = _extent(direction, self._tight_box(index))
        loose = _extent(direction, self._loose_box(index))
        start, end = tight[:2] if tight.end > tight.start else loose[:2]
        least, most = _SANE_LINE_HEIGHT_EMS
        is_sane = least * em <= loose.top - loose.bottom <= most * em or tight.top <= tight.bottom
        return Extent(start, end, *(loose[2:] if is_sane else tight[2:]))

    def _slanted_extent(self, index: int, direction: Direction, em: float) -> Extent:
        """PDFium's boxes are upright; a slanted glyph lies about its box's centre, from its origin on."""
        pdfium_c.FPDFText_GetCharOrigin(self._textpage, index, self._x, self._y)
        start = direction.along(self._x.value, self._y.value)
        base = direction.across(self._x.value, self._y.value)
        box = self._tight_box(index)
        centre = direction.along((box.left + box.right) / 2, (box.bottom + box.top) / 2)
        end = min(max(2 * centre - start, start + 0.2 * em), start + 2 * em)
        return Extent(start, end, base + _DESCENT_EMS * em, base + _ASCENT_EMS * em)

    def _tight_box(self, index: int) -> Box:
        pdfium_c.FPDFText_GetCharBox(self._textpage, index, *self._sides)
        left, right, bottom, top = (side.value for side in self._sides)
        return Box(left, right, bottom, top)

    def _loose_box(self, index: int) -> Box:
        pdfium_c.FPDFText_GetLooseCharBox(self._textpage, index, self._loose)
        return Box(self._loose.left, self._loose.right, self._loose.bottom, self._loose.top)

    def _is_visible(self, index: int) -> bool:
        text_object = pdfium_c.FPDFText_GetTextObject(self._textpage, index)
        address = ctypes.cast(text_object, ctypes.c_void_p).value or 0
        if address not in self._visible_objects:
            mode = pdfium_c.FPDFTextObj_GetTextRenderMode(text_object) if address else -1
            self._visible_objects[address] = mode not in _INVISIBLE_MODES
        return self._visible_objects[address]


def _extent(direction: Direction, box: Box) -> Extent:
    one, other = (box.left, box.bottom), (box.right, box.top)
    start, end = sorted((direction.along(*one), direction.along(*other)))
    bottom, top = sorted((direction.across(*one), direction.across(*other)))
    return Extent(start, end, bottom, top)


def _direction(a: float, b: float) -> Direction:
    """Rounded to a quarter of a degree, so that letters of one line share theirs."""
    if not (math.isfinite(a) and math.isfinite(b)) or (a == 0 and b == 0):
        return Direction(1.0, 0.0)
    angle = math.radians(round(math.degrees(math.atan2(b, a)) * 4) / 4)
    return Direction(round(math.cos(angle), 9), round(math.sin(angle), 9))


def _meaning(code: int) -> str:
    """What a code point says, "" for what says nothing. Ligatures come spelt out from PDFium."""
    letter = chr(code)
    if letter in _HYPHENS:
        return "-"
    if letter in _BULLETS:
        return _BULLETS[letter]
    category = unicodedata.category(letter)
    if category.startswith("Z") or letter == "\t":
        return " "
    return "" if category.startswith("C") or letter == "\ufffd" else letter
