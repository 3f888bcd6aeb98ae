"""What the processes say to each other. Every struct is tagged with its name; one union a direction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from quire.words.errors import Fault
from quire.words.reading import ModelInfo, PageSize, PageText
from quire.words.request import Asked, DocumentRequest, TextMode


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The root of all messages."""


# --- between a client and the engine ---


class Submit(Message, frozen=True, kw_only=True):
    """Read this document; append each page's result to the file `pages_path`, as a JSON line."""

    request: DocumentRequest
    pages_path: str
    deadline_seconds: float


class Watch(Message, frozen=True, kw_only=True):
    """Tell me the engine's state now and whenever it changes."""


class Accepted(Message, frozen=True, kw_only=True):
    """The engine has the document: what ends the engine from now on may be the document's doing."""


class Progress(Message, frozen=True, kw_only=True):
    """`pages_done` of the `pages_total` asked for have ended, well or badly."""

    pages_done: int
    pages_total: int


class Finished(Message, frozen=True, kw_only=True):
    """Every page asked for stands in `pages_path`, in no order; the rest is the whole document's."""

    model: ModelInfo
    num_pages: int
    timings_ms: dict[str, float]
    fields: dict[str, Any] | None = None
    fields_error: Fault | None = None


class Failed(Message, frozen=True, kw_only=True):
    """There is no reading; the file at `pages_path` means nothing."""

    fault: Fault


class EngineState(Message, frozen=True, kw_only=True):
    """`is_ready`: a device worker has its model warm. `reason` says why not."""

    is_ready: bool
    is_draining: bool
    reason: str


# --- between the engine and a render worker ---


class OpenDocument(Message, frozen=True, kw_only=True):
    """Open the file and count its pages. Where it has but one, go on with it as if RenderPage had asked, and
    say so by `goes_on`: most documents have, and a message costs as much as what it asks for."""

    job: int
    path: Path
    media_type: str
    password: str | None
    dpi: int | None
    text: TextMode


class RenderPage(Message, frozen=True, kw_only=True):
    """Bring this page, as pixels or as text, as `text` asks."""

    job: int
    path: Path
    media_type: str
    password: str | None
    page_index: int
    dpi: int | None
    text: TextMode


class GrantPixels(Message, frozen=True, kw_only=True):
    """Write the page that you measured to the arena at `offset`; None: nobody wants it any more."""

    job: int
    offset: int | None


class CloseDocument(Message, frozen=True, kw_only=True):
    """No more pages of this file will be asked for."""

    path: Path


class RendererReady(Message, frozen=True, kw_only=True):
    """The worker is up; what kills it from now on is its job."""


class Opened(Message, frozen=True, kw_only=True):
    job: int
    num_pages: int
    goes_on: bool = False


class Measured(Message, frozen=True, kw_only=True):
    """The page will have this size; the worker waits for a grant of as many bytes."""

    job: int
    size: PageSize


class Rendered(Message, frozen=True, kw_only=True):
    job: int


class LayerRead(Message, frozen=True, kw_only=True):
    """The page's text layer answered: it needs no pixels."""

    job: int
    size: PageSize
    text: PageText


class JobFailed(Message, frozen=True, kw_only=True):
    job: int
    fault: Fault


# --- between the engine and a device worker ---


class ReadPage(Message, frozen=True, kw_only=True):
    """The page's pixels lie in the arena at `offset` until the worker has answered for it. `document` is
    the number of the document that it is of, `deadline` of time.monotonic(). `num_coming` pages or unopened
    documents are on their way behind it: a reason to wait a little for a fuller batch."""

    page: int
    offset: int
    width_px: int
    height_px: int
    document: int
    deadline: float
    num_coming: int
    asked: Asked | None = None


class ReadText(Message, frozen=True, kw_only=True):
    """The results of the document's pages lie in the file `path`: read its whole text. Else as ReadPage."""

    page: int
    path: str
    document: int
    deadline: float
    num_coming: int


class DropPage(Message, frozen=True, kw_only=True):
    """Nobody waits for this page any more. Answered by PageDropped unless its answer is on the way."""

    page: int


class LimitBatch(Message, frozen=True, kw_only=True):
    """A ceiling learnt by running out of memory: told to the engine, and by it to the worker's successors."""

    lane: str
    canvas_height: int
    canvas_width: int
    max_items: int


class DeviceReady(Message, frozen=True, kw_only=True):
    """The model is warm, and likes to hold `pages_wanted` pages. `reads_texts`: it is a TextModel;
    `can_be_asked`: an AskableModel."""

    model: ModelInfo
    device: str
    precision: str
    pages_wanted: int
    reads_texts: bool = False
    can_be_asked: bool = False


class Batch(Message, frozen=True, kw_only=True):
    """Items of one lane on one canvas."""

    lane: str
    canvas_height: int
    canvas_width: int
    num_items: int


class BatchBegan(Batch, frozen=True, kw_only=True):
    """A batch goes over the device from now on: what stands still from here is this batch."""


class BatchRun(Batch, frozen=True, kw_only=True):
    """One batch went over the device in so many milliseconds; also the sign that it makes progress."""

    pages: tuple[int, ...]
    milliseconds: float


class BatchFailed(Batch, frozen=True, kw_only=True):
    """The oldest batch of this kind and size that has begun gave no outputs; its halves run next."""


class PageRead(Message, frozen=True, kw_only=True):
    """`cost_ms` is the page's share of the device's time: of each batch that it was in, by items."""

    page: int
    text: PageText
    cost_ms: float


class PageFaulted(Message, frozen=True, kw_only=True):
    """An item of the page failed while it was alone in its batch. A caller's `fault` is not tried again."""

    page: int
    reason: str
    fault: Fault | None = None


class PageDropped(Message, frozen=True, kw_only=True):
    page: int


ToEngine = Submit | Watch
FromEngine = Accepted | Progress | Finished | Failed | EngineState
ToRenderer = OpenDocument | RenderPage | GrantPixels | CloseDocument
FromRenderer = RendererReady | Opened | Measured | Rendered | LayerRead | JobFailed
ToDevice = ReadPage | ReadText | DropPage | LimitBatch
FromDevice = (
    DeviceReady | BatchBegan | BatchRun | BatchFailed | PageRead | PageFaulted | PageDropped | LimitBatch
)
