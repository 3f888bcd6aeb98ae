"""Position embeddings for rows of different lengths. The decoders of Donut and TrOCR take one position for
the whole batch, that of the cache; here each row may have its own."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class RowPositions(nn.Module):
    """Stands in the place of a decoder's `embed_positions`, and does as it did while `rows` is None."""

    def __init__(self, original: nn.Module) -> None:
        super().__init__()
        self.original = original
        self.rows: Tensor | None = None
        self._table, self._offset = _table_of(original)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """[n, 1, width], or what the original gives."""
        if self.rows is None:
            embedded: Tensor = self.original(*args, **kwargs)
            return embedded
        return self._table[self.rows + self._offset][:, None]


def _table_of(original: nn.Module) -> tuple[Tensor, int]:
    """The embeddings by position, and at which row position 0 stands. Raises ValueError for a kind that
    is not known."""
    offset = getattr(original, "offset", None)
    if isinstance(original, nn.Embedding) and isinstance(offset, int):
        return original.weight, offset
    table, padding = getattr(original, "weights", None), getattr(original, "padding_idx", None)
    if isinstance(table, Tensor) and isinstance(padding, int):
        return table, padding + 1
    raise ValueError(f"position embeddings of the kind {type(original).__name__} are not known")


def give_rows_positions(decoder: nn.Module) -> RowPositions | None:
    """Puts RowPositions into the decoder; None where it has no `embed_positions` of its own."""
    parents = [module for module in decoder.modules() if "embed_positions" in dict(module.named_children())]
    if not parents:
        return None
    original = parents[0].get_submodule("embed_positions")
    _make_table_real(original, next(decoder.parameters()))
    rows = RowPositions(original)
    parents[0].add_module("embed_positions", rows)
    return rows


def _make_table_real(original: Any, like: Tensor) -> None:
    """A sinusoidal table is no parameter: transformers' from_pretrained leaves it without content, on the
    device called meta, and `to` leaves it where it is."""
    table = getattr(original, "weights", None)
    if isinstance(table, Tensor):
        if table.is_meta:
            table = original.get_embedding(*table.shape, original.padding_idx)
        original.weights = table.to(like.device, like.dtype)
