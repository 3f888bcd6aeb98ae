"""Which frames of an image file are pages: all but TIFF's thumbnails and masks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO, NamedTuple

from PIL import Image

from quire.rendering.documents import MAX_IMAGE_PAGES
from quire.rendering.sniffing import GIF, TIFF, WEBP
from quire.words.errors import DocumentUnreadable

_NEW_SUBFILE_TYPE = 254
_REDUCED_RESOLUTION, _TRANSPARENCY_MASK = 1, 4
_NO_PAGE = _REDUCED_RESOLUTION | _TRANSPARENCY_MASK
_MAX_TAGS = 4096


def page_frames(path: Path, media_type: str, image: Image.Image) -> tuple[int, ...]:
    """Frame numbers to `seek` to, in page order. Raises DocumentUnreadable beyond MAX_IMAGE_PAGES."""
    if media_type == TIFF:
        with path.open("rb") as file:
            return _tiff_page_frames(file)
    num_frames = int(getattr(image, "n_frames", 1)) if media_type in (GIF, WEBP) else 1
    _refuse_too_many(num_frames)
    return tuple(range(num_frames))


def _tiff_page_frames(file: BinaryIO) -> tuple[int, ...]:
    """A walk of our own over the directories, since Pillow's takes quadratic time in their number."""
    kinds = []
    for kind in _tiff_subfile_types(file):
        kinds.append(kind)
        _refuse_too_many(len(kinds))
    pages = [frame for frame, kind in enumerate(kinds) if not kind & _NO_PAGE]
    return tuple(pages or range(max(1, len(kinds))))


def _refuse_too_many(num_frames: int) -> None:
    if num_frames > MAX_IMAGE_PAGES:
        raise DocumentUnreadable(f"the image file has more than {MAX_IMAGE_PAGES} frames")


class _TiffLayout(NamedTuple):
    """How numbers lie in a file: classic or BigTIFF, either byte order."""

    offset: Struct
    num_tags: Struct
    tag: Struct
    first_offset_at: int


def _tiff_layout(head: bytes) -> _TiffLayout:
    order = "<" if head[:2] == b"II" else ">"
    if 43 in (head[2], head[3]):
        return _TiffLayout(Struct(order + "Q"), Struct(order + "Q"), Struct(order + "HHQI4x"), 8)
    return _TiffLayout(Struct(order + "I"), Struct(order + "H"), Struct(order + "HHII"), 4)


def _tiff_subfile_types(file: BinaryIO) -> Iterator[int]:
    """NewSubfileType of each directory in the chain, which ends at 0, a loop, or the file's end."""
    layout = _tiff_layout(file.read(4))
    file.seek(layout.first_offset_at)
    seen: set[int] = set()
    offset = _next_number(file, layout.offset)
    while offset and offset not in seen:
        seen.add(offset)
        file.seek(offset)
        num_tags = _next_number(file, layout.num_tags)
        if not 0 < num_tags <= _MAX_TAGS:
            return
        tags = file.read(num_tags * layout.tag.size)
        if len(tags) < num_tags * layout.tag.size:
            return
        values = {tag: value for tag, _, _, value in layout.tag.iter_unpack(tags)}
        yield values.get(_NEW_SUBFILE_TYPE, 0)
        offset = _next_number(file, layout.offset)


def _next_number(file: BinaryIO, number: Struct) -> int:
    """0 at the file's end."""
    raw = file.read(number.size)
    return int(number.unpack(raw)[0]) if len(raw) == number.size else 0
