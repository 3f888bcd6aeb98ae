"""What do transformers' own loaders give for a folder? Its network, its tokenizer, and how much both take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoTokenizer
from transformers.utils import logging as transformers_logging

from quire.models.huggingface.windows import WindowLimits
from quire.models.model_folder import ModelFolderError

_MOST_TOKENS = 32_768
"""Tokenizers that were told of no limit name one that no model has."""

_DEFAULT_OVERLAP = 0.25

_COUNT_FROM_PADDING = (
    *("roberta", "xlm-roberta", "xlm-roberta-xl", "roberta-prelayernorm", "camembert", "mpnet"),
    *("data2vec-text", "xmod", "layoutlmv3", "lilt"),
)
"""Model types whose first position is the one behind the padding's: they take so many tokens fewer."""

_UNREADABLE = (
    *(OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError),
    *(TypeError, AttributeError),
)
"""What the loaders raise for files that are not what they should be."""


def load_network(
    auto_class: Any, folder: Path, *, trusts_code: bool = False, unused: tuple[str, ...] = ()
) -> Any:
    """In float32 on the CPU. Raises ModelFolderError; weights that are missing would be made up, so that is
    an error too, save for those whose names begin as `unused` has it."""
    without_progress_bar: Callable[[], None] = transformers_logging.disable_progress_bar
    without_progress_bar()
    try:
        module, found = auto_class.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=trusts_code,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except _UNREADABLE as error:
        raise ModelFolderError(f"{folder} cannot be loaded: {_first_line(error)}") from error
    missing = sorted(name for name in found["missing_keys"] if not name.startswith(unused))
    if missing:
        raise ModelFolderError(
            f"{folder} lacks {len(missing)} of its network's tensors, {missing[0]} among them: it was not "
            "trained for this task, or not all of it was saved"
        )
    return module.eval()


def load_tokenizer(folder: Path, *, trusts_code: bool = False, **options: Any) -> Any:
    """`options` stand over the folder's own. Raises ModelFolderError."""
    try:
        return AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trusts_code, **options
        )
    except _UNREADABLE as error:
        raise ModelFolderError(f"the tokenizer of {folder} cannot be loaded: {_first_line(error)}") from error


def most_tokens(config: Any, tokenizer: Any) -> int:
    """How many tokens an input may have, specials counted."""
    positions = int(config.max_position_embeddings)
    if config.model_type in _COUNT_FROM_PADDING:
        positions -= int(config.pad_token_id or 0) + 1
    return int(min(positions, tokenizer.model_max_length, _MOST_TOKENS))


def limits_of(stride: int | None, tokens_in_window: int) -> WindowLimits:
    """`stride` None is a quarter of a window. Raises ValueError for one that is too large."""
    overlap = int(tokens_in_window * _DEFAULT_OVERLAP) if stride is None else stride
    return WindowLimits(tokens_in_window, overlap)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]
