"""`quire pack`: a folder becomes what SageMaker is given as model data, and is told what it needs to run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from quire_endpoint.folder_kind import Kind
from quire_endpoint.instances import A10G_USABLE_GIB, G5, GIB, SLOTS, Demand, Fit, fit
from quire_endpoint.pack_archive import write_archive
from quire_endpoint.pack_check import check_with_container
from quire_endpoint.pack_choice import Packing, choose_files
from quire_endpoint.pack_files import resolved_folder, total_bytes
from quire_endpoint.pack_s3 import S3Prefix, upload

_BYTES_SERVED = 2
"""Of a number in the precision that an A10G is served in: fp16, or bf16 for what generates."""


def pack(folder: Path, out: Path, s3_prefix: str | None, *, allow_pickle: bool) -> None:
    """Writes `out`, or uploads to `s3_prefix` in its stead. Tells stdout what it found and what fits. Raises
    CannotPack, OSError."""
    console, progress_console = Console(highlight=False, soft_wrap=True), Console(stderr=True)
    prefix = S3Prefix.parse(s3_prefix) if s3_prefix else None
    packing = choose_files(folder, None if prefix else out, allow_pickle=allow_pickle)
    unchecked = check_with_container(resolved_folder(folder), packing.kind)
    console.print("\n  ".join((described(packing), *unchecked)), markup=False)
    with _progress(progress_console, total_bytes(list(packing.files))) as on_bytes:
        if prefix is None:
            write_archive(packing.files, out, on_bytes)
        else:
            upload(packing.files, prefix, on_bytes)
    console.print(
        f"{prefix} is a ModelDataSource: S3Prefix, CompressionType None."
        if prefix
        else f"{out}: {_size(out.stat().st_size)}, for ModelDataUrl.",
        markup=False,
    )
    console.print(fits_table([fit(demand_of(packing), instance) for instance in G5]))
    console.print(ESTIMATE, markup=False)


ESTIMATE = (
    "An estimate, not a measurement: weights in the precision that is served, a quarter of them (2 GiB at "
    f"least) for activations, 1 GiB for CUDA, of the {A10G_USABLE_GIB:.0f} GiB that an A10G offers. "
    "Slots are pages that a model writes at once (`slots` in quire.json), those that fit. "
    "Concurrency is what fits: QUIRE_MAX_CONCURRENT_INVOCATIONS and the endpoint's "
    "MaxConcurrentInvocationsPerInstance."
)


def described(packing: Packing) -> str:
    """What was recognised, in a line, with a line for each thing to know."""
    weights, num_files = packing.weights, len(packing.files)
    floats = f", {weights.num_floats / 1e6:,.1f} million parameters" if weights.num_floats else ""
    size = _size(total_bytes(list(packing.files)))
    first = f"This is {packing.kind.described}: {num_files} files, {size}{floats}."
    return "\n".join([first, *(f"  {note}" for note in packing.notes)])


def demand_of(packing: Packing) -> Demand:
    """What the folder's model needs. Code of the user's own is taken to keep weights as they are stored."""
    kind, weights = packing.kind, packing.weights
    return Demand(
        device_bytes=(weights.stored_bytes if kind.keeps_own_precision else weights.bytes_in(_BYTES_SERVED)),
        stored_bytes=weights.stored_bytes,
        cache_bytes=kind.cache_bytes,
        slots=kind.slots or SLOTS,
        is_one_at_a_time=Kind.HANDLER_WITH_MODEL in kind.kinds,
    )


def fits_table(fits: list[Fit]) -> Table:
    """With the slots that fit, for a model that has such."""
    has_slots = any(each.slots for each in fits)
    table = Table(box=None, pad_edge=False)
    table.add_column("instance")
    of_slots = ("slots",) if has_slots else ()
    for heading in ("host GiB needed", "there", "GPUs", "GPU GiB needed", *of_slots, "concurrency"):
        table.add_column(heading, justify="right")
    for each in fits:
        table.add_row(
            each.instance.name,
            f"{each.host_gib:.1f}",
            str(each.instance.host_gib),
            str(each.instance.gpus),
            f"{each.gpu_gib:.1f}",
            *((str(each.slots),) if has_slots else ()),
            str(each.concurrency) if each.concurrency else f"none: too little {each.lacks}",
        )
    return table


def _size(num_bytes: int) -> str:
    return f"{num_bytes / GIB:.2f} GiB" if num_bytes >= GIB else f"{num_bytes / 1e6:.1f} MB"


@contextmanager
def _progress(console: Console, num_bytes: int) -> Iterator[Callable[[int], None]]:
    """A bar of bytes on a terminal; nothing elsewhere."""
    columns = (TextColumn("packing"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("packing", total=num_bytes)
        yield lambda more: progress.update(task, advance=more)
