"""How is a model loaded that stands on the default reader: one for words and boxes, or for whole texts?"""

from __future__ import annotations

from quire.engine.device_worker import LoadedModel
from quire.models.huggingface.beside_reader import PlacedReader, precision_beside
from quire.models.huggingface.families import Family
from quire.models.huggingface.folder import HuggingFaceChoice
from quire.models.huggingface.text_loading import load_whole_text
from quire.models.huggingface.whole_text import WholeTextModel
from quire.models.huggingface.words_and_boxes import WordsAndBoxesModel
from quire.models.huggingface.words_and_boxes_loading import load_words_and_boxes
from quire.models.model_folder import default_model_dir
from quire.models.pages_wanted import pages_wanted
from quire.models.ppocr.reader import load_reader
from quire.words.settings import Settings


def load_over_reader(choice: HuggingFaceChoice, settings: Settings) -> LoadedModel:
    """The model of the folder over the default reader, warm. Raises ModelFolderError with a sentence that
    says what to do, and ValueError for a device that is not there."""
    reader = load_reader(default_model_dir(), settings)
    model = _load(choice, reader, settings)
    model.warm_up()
    wanted = pages_wanted(on_cuda=reader.side.memory() is not None, batch_share=settings.batch_share)
    own = precision_beside(settings.precision, reader.side.device)
    precision = f"{reader.precision.value}, on top {own.value}"
    return LoadedModel(model, reader.device_class, precision, wanted)


def _load(
    choice: HuggingFaceChoice, reader: PlacedReader, settings: Settings
) -> WordsAndBoxesModel | WholeTextModel:
    if choice.family is Family.WORDS_AND_BOXES:
        return load_words_and_boxes(choice, reader, settings)
    return load_whole_text(choice, reader, settings)
