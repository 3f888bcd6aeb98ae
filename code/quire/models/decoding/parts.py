"""What lies in a decoding model's folder, loaded by transformers: weights from safetensors alone, processors,
and code of the folder's own only where it is trusted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    Idefics3Processor,
    VisionEncoderDecoderModel,
)

from quire.models.decoding.families import VISION_ENCODER_DECODER
from quire.models.huggingface.folder_files import weight_files
from quire.models.model_folder import ModelFolderError

_SMOLVLM = "smolvlm"

_UNLOADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError)
"""What transformers raises for a folder that it cannot make sense of."""


def load_weights(folder: Path, family: str, dtype: torch.dtype, trusts_code: bool) -> Any:
    """The model on the host. Raises ModelFolderError. Weights that are missing would be made up by chance:
    that is an error too."""
    weight_files(folder)
    kind = VisionEncoderDecoderModel if family == VISION_ENCODER_DECODER else AutoModelForImageTextToText
    model, found = _loaded(
        folder,
        "its weights",
        lambda: kind.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=trusts_code,
            dtype=dtype,
            output_loading_info=True,
        ),
    )
    missing = sorted(found["missing_keys"])
    if missing:
        raise ModelFolderError(
            f"{folder} lacks {len(missing)} of its network's tensors, {missing[0]} among them: not all of it "
            "was saved, or it is of another kind than config.json says"
        )
    return model.eval()


def load_image_processor(folder: Path, trusts_code: bool) -> Any:
    return _made(folder, "its image processor", AutoImageProcessor.from_pretrained, trusts_code)


def load_tokenizer(folder: Path, trusts_code: bool) -> Any:
    return _made(folder, "its tokenizer", AutoTokenizer.from_pretrained, trusts_code)


def load_processor(folder: Path, config: Any, trusts_code: bool) -> Any:
    """Images and text at once. `config` is the model's."""
    if config.model_type == _SMOLVLM:
        return _smolvlm_processor(folder, config, trusts_code)
    return _made(folder, "its processor", AutoProcessor.from_pretrained, trusts_code)


def _smolvlm_processor(folder: Path, config: Any, trusts_code: bool) -> Any:
    """SmolVLM's own needs torchvision and num2words, for videos; to images and text it does what that of
    Idefics3 does, of which it is a copy."""
    tokenizer = load_tokenizer(folder, trusts_code)
    vision = config.vision_config
    num_image_tokens = (vision.image_size // vision.patch_size) ** 2 // config.scale_factor**2
    return Idefics3Processor(
        load_image_processor(folder, trusts_code),
        tokenizer,
        image_seq_len=num_image_tokens,
        chat_template=tokenizer.chat_template,
    )


def _made(folder: Path, what: str, make: Any, trusts_code: bool) -> Any:
    """By a `from_pretrained`, of the folder's own files alone."""
    return _loaded(folder, what, lambda: make(folder, local_files_only=True, trust_remote_code=trusts_code))


def _loaded(folder: Path, what: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except _UNLOADABLE as error:
        first_line = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise ModelFolderError(f"{folder}: {what} cannot be loaded: {first_line}") from error
