"""Which code loads a Hugging Face folder?"""

from __future__ import annotations

from pathlib import Path

from quire.engine.device_worker import LoadedModel
from quire.models.huggingface.families import Family
from quire.models.huggingface.folder import HuggingFaceChoice, refuse_untrusted_code
from quire.words.settings import Settings


def load_huggingface(choice: HuggingFaceChoice, settings: Settings) -> LoadedModel:
    """The model of the folder, warm. Only its own family's code is imported. Raises ModelFolderError with a
    sentence that says what to do, and ValueError for a device that is not there."""
    refuse_untrusted_code(choice, settings)
    if choice.family is Family.DECODING:
        from quire.models.decoding.loading import load_decoder

        return load_decoder(Path(choice.folder), {**choice.options, "name": choice.name}, settings)
    from quire.models.huggingface.over_reader import load_over_reader

    return load_over_reader(choice, settings)
