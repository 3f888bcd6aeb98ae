"""How is a token chosen, and a burst of them? Greedily, for all rows at once, on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from quire.models.decoding.network import DecoderNetwork
from quire.models.decoding.rows import Rows
from quire.models.decoding.sequences import PageSequence
from quire.models.decoding.step_cache import StepPlace
from quire.models.device_side.side import DeviceSide


class RowLost(Exception):
    """A page cannot be written on: it must be read anew."""


class Writer:
    """A network and the rows of the sequences that it writes. Used from the device's thread. Nothing but
    keys and values is kept from call to call, so a batch that failed may be run again. `never` are tokens
    that the model's folder forbids."""

    def __init__(self, network: DecoderNetwork, side: DeviceSide, never: Sequence[int] = ()) -> None:
        self.network = network
        self.side = side
        self.rows = Rows()
        self._never = torch.tensor(list(never), dtype=torch.long, device=side.device)

    def begin(self, pages: Sequence[PageSequence], inputs: Mapping[str, Tensor]) -> Tensor:
        """Reads images and prompts and gives each page a row; [n], the first tokens."""
        prefilled = self.network.prefill(inputs)
        for index, page in enumerate(pages):
            self.rows.admit(page, prefilled.state, index)
        return self._choose(prefilled.logits)

    def go_on(
        self, pages: Sequence[PageSequence], num_tokens: int, seen: list[Tensor] | None = None
    ) -> Tensor:
        """[n, num_tokens]: what follows each page's newest token. A page that is over and has lost its row
        is left out, and given nonsense. `seen` takes the logits of each step, [n, vocabulary]. Raises
        NoRoomForRows, and RowLost for a page that is written on but has no row."""
        if any(page not in self.rows and not page.is_over for page in pages):
            raise RowLost("the page's keys and values were lost when its row was moved")
        here = [page for page in pages if page in self.rows]
        if not here:
            return torch.zeros(len(pages), num_tokens, dtype=torch.long, device=self.side.device)
        longest = max(page.length for page in here)
        most = self.network.max_positions
        state = self.rows.in_front(here, min(longest + num_tokens, most))
        in_order = sorted(here, key=self.rows.row_of)
        tokens = self.side.upload(np.array([page.newest for page in in_order]))
        lengths = self.side.upload(np.array([page.length for page in in_order]))
        rows = torch.arange(len(here), device=self.side.device)
        order = [self.rows.row_of(page) if page in self.rows else 0 for page in pages]
        written = []
        for step in range(num_tokens):
            # Past the last position nothing is wanted any more: the answer has ended there.
            place = StepPlace(rows, (lengths + step).clamp(max=most - 1), min(longest + step + 1, most))
            logits = self.network.step(tokens, place, state)
            if seen is not None:
                seen.append(logits[order])
            tokens = self._choose(logits)
            written.append(tokens)
        return torch.stack(written, dim=1)[order]

    def allowed(self, logits: Tensor) -> Tensor:
        """[n, vocabulary], without the tokens that are never written."""
        return logits.index_fill(1, self._never, -torch.inf) if len(self._never) else logits

    def _choose(self, logits: Tensor) -> Tensor:
        return self.allowed(logits).argmax(dim=1)
