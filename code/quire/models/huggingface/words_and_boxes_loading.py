"""How is a model loaded that tags words with boxes, onto the device of the reader that finds the words?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoModelForTokenClassification, LayoutLMv3ImageProcessorPil

from quire.models.huggingface.beside_reader import PlacedReader, info_beside, precision_beside
from quire.models.huggingface.folder import HuggingFaceChoice
from quire.models.huggingface.options import TokenClassificationOptions
from quire.models.huggingface.tags import tags_of
from quire.models.huggingface.token_inputs import WordTokenizer
from quire.models.huggingface.token_lane import TokenLane, TokenNetwork
from quire.models.huggingface.transformers_loading import (
    limits_of,
    load_network,
    load_tokenizer,
    most_tokens,
)
from quire.models.huggingface.words_and_boxes import Tagging, WordsAndBoxesModel
from quire.models.model_folder import ModelFolderError
from quire.models.ppocr.networks import DTYPES
from quire.words.settings import Settings


def load_words_and_boxes(
    choice: HuggingFaceChoice, reader: PlacedReader, settings: Settings
) -> WordsAndBoxesModel:
    """On the reader's device. Raises ModelFolderError."""
    folder = Path(choice.folder)
    module = load_network(AutoModelForTokenClassification, folder, trusts_code=choice.asks_for_code)
    dtype = DTYPES[precision_beside(settings.precision, reader.side.device)]
    # Words come one by one, and each but a text's first has a space before it.
    tokenizer = load_tokenizer(folder, trusts_code=choice.asks_for_code, add_prefix_space=True)
    network = TokenNetwork(
        module.to(reader.side.device, dtype).eval(), reader.side, dtype, int(module.config.pad_token_id or 0)
    )
    tagging = _tagging(choice, module, tokenizer)
    lane = TokenLane(network, settings.batch_share)
    return WordsAndBoxesModel(reader, tagging, lane, info_beside(choice, reader))


def _tagging(choice: HuggingFaceChoice, module: Any, tokenizer: Any) -> Tagging:
    config: Any = module.config
    options = TokenClassificationOptions.parse(choice.options)
    try:
        words = WordTokenizer(tokenizer)
        return Tagging(
            tokenizer=words,
            limits=limits_of(options.stride, most_tokens(config, tokenizer) - words.num_specials),
            tags=tuple(tags_of(config.id2label, options.outside_labels)),
            takes_line_boxes=options.boxes == "line",
            image_processor=_image_processor(Path(choice.folder), config),
        )
    except ValueError as error:
        raise ModelFolderError(f"{choice.folder}: {error}") from error


def _image_processor(folder: Path, config: Any) -> Any | None:
    """As the folder describes it, of the size that the network takes; None for one that sees no page."""
    if not getattr(config, "visual_embed", False):
        return None
    is_described = any(
        (folder / name).is_file() for name in ("preprocessor_config.json", "processor_config.json")
    )
    make = LayoutLMv3ImageProcessorPil.from_pretrained if is_described else _default_processor
    side = config.input_size
    return make(folder, apply_ocr=False, size={"height": side, "width": side})


def _default_processor(folder: Path, **options: Any) -> Any:
    return LayoutLMv3ImageProcessorPil(**options)
