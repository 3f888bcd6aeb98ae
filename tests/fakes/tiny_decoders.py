"""Tiny decoding models of the real kinds, with weights from a fixed seed, saved as their owners save them:
folders that the real loading code reads. Their answers mean nothing, and hang on the page's pixels."""

from __future__ import annotations

import functools
import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import (
    AutoModelForImageTextToText,
    DeiTConfig,
    DonutImageProcessorPil,
    DonutProcessor,
    DonutSwinConfig,
    GotOcr2Config,
    GotOcr2ImageProcessorPil,
    GotOcr2Processor,
    Idefics3Config,
    Idefics3ImageProcessorPil,
    Idefics3Processor,
    MBartConfig,
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMImageProcessorPil,
    TrOCRConfig,
    TrOCRProcessor,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTImageProcessorPil,
)

from quire.words.settings import Settings

SETTINGS = Settings.from_environ({"QUIRE_DEVICE": "cpu", "QUIRE_DEVICE_THREADS": "1"})
"""What these models are loaded with: all of it is small."""

PAD, BOS, EOS = "<pad>", "<s>", "</s>"

_CHARACTERS = [*string.ascii_letters, *string.digits, *" \n.,:;!?'\"|/-_()[]<>{}#"]

_WIDTH = 32
"""Of the language side of every model here."""


def donut_folder(folder: Path, seed: int = 0) -> Path:
    """A Swin encoder and an MBart decoder, with tags of fields among its tokens."""
    fields = ("s_tiny", "s_name", "s_total", "s_menu")
    tags = [f"<{mark}{field}>" for field in fields for mark in ("", "/")]
    tokenizer = _tokenizer([*tags, "<sep/>"])
    encoder = DonutSwinConfig(
        image_size=[64, 48], patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 4], window_size=4
    )
    make_config: Any = MBartConfig
    decoder = make_config(
        vocab_size=len(tokenizer),
        d_model=_WIDTH,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=64,
        max_position_embeddings=96,
        is_decoder=True,
        add_cross_attention=True,
        scale_embedding=True,
        **_special_ids(tokenizer),
    )
    model = _encoder_decoder(encoder, decoder, tokenizer, "<s_tiny>", seed)
    images = DonutImageProcessorPil(size={"height": 64, "width": 48}, do_align_long_axis=False)
    return _saved(folder, model, DonutProcessor, images, tokenizer)


def trocr_folder(folder: Path, seed: int = 0, *, sinusoidal: bool = False) -> Path:
    """A DeiT encoder and the TrOCR decoder, whose positions are learnt or `sinusoidal`."""
    tokenizer = _tokenizer([])
    encoder = DeiTConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        image_size=32,
        patch_size=8,
    )
    decoder = TrOCRConfig(
        vocab_size=len(tokenizer),
        d_model=_WIDTH,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=64,
        max_position_embeddings=96,
        cross_attention_hidden_size=24,
        use_learned_position_embeddings=not sinusoidal,
        **_special_ids(tokenizer),
    )
    model = _encoder_decoder(encoder, decoder, tokenizer, EOS, seed)
    images = ViTImageProcessorPil(size={"height": 32, "width": 32})
    return _saved(folder, model, TrOCRProcessor, images, tokenizer)


def got_ocr2_folder(folder: Path, seed: int = 0) -> Path:
    """GOT-OCR2: 256 image tokens in the prompt that its processor writes."""
    tokenizer = _tokenizer(["<|im_start|>", "<|im_end|>", "<img>", "</img>", "<imgpad>"])
    config = GotOcr2Config(
        vision_config={
            "hidden_size": 16,
            "output_channels": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 128,
            "patch_size": 2,
            "window_size": 8,
            "global_attn_indexes": [],
            "mlp_dim": 32,
            "initializer_range": 0.02,
        },
        text_config={"model_type": "qwen2", "max_position_embeddings": 512, **_language(tokenizer)},
        image_token_index=tokenizer.convert_tokens_to_ids("<imgpad>"),
    )
    images = GotOcr2ImageProcessorPil(size={"height": 128, "width": 128})
    return _saved(folder, _image_text(config, tokenizer, seed), GotOcr2Processor, images, tokenizer)


def idefics3_folder(folder: Path, seed: int = 0) -> Path:
    """Idefics3: a page cut into as many tiles as its shape asks for."""
    images = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    return _tiled(folder, Idefics3Config, images, seed)


def smolvlm_folder(folder: Path, seed: int = 0) -> Path:
    """SmolVLM, as its folders name their processors: one for videos is among them."""
    images = SmolVLMImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    _tiled(folder, SmolVLMConfig, images, seed)
    path = folder / "processor_config.json"
    named = {
        **json.loads(path.read_bytes()),
        "processor_class": "SmolVLMProcessor",
        "video_processor": {"video_processor_type": "SmolVLMVideoProcessor"},
    }
    path.write_text(json.dumps(named))
    return folder


def _tiled(folder: Path, make_config: Any, images: Any, seed: int) -> Path:
    places = [f"<row_{row + 1}_col_{column + 1}>" for row in range(6) for column in range(6)]
    marks = ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", "<|im_start|>"]
    tokenizer = _tokenizer([*marks, *places])
    config = make_config(
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
        },
        text_config={"model_type": "llama", "max_position_embeddings": 512, **_language(tokenizer)},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )
    template = (
        "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}:"
        "{% for line in message['content'] %}{% if line['type'] == 'image' %}{{ '<image>' }}"
        "{% else %}{{ line['text'] }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
        "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
    )
    make = functools.partial(Idefics3Processor, image_seq_len=4, chat_template=template)
    return _saved(folder, _image_text(config, tokenizer, seed), make, images, tokenizer)


TINY: dict[str, Callable[[Path], Path]] = {
    "donut": donut_folder,
    "trocr": trocr_folder,
    "got_ocr2": got_ocr2_folder,
    "idefics3": idefics3_folder,
    "smolvlm": smolvlm_folder,
}


def _tokenizer(special: list[str]) -> Any:
    """One token a character, and the special ones."""
    tokens = [PAD, BOS, EOS, "<unk>", *_CHARACTERS]
    tokenizer = Tokenizer(WordLevel({token: place for place, token in enumerate(tokens)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    make: Any = PreTrainedTokenizerFast
    fast = make(tokenizer_object=tokenizer, pad_token=PAD, bos_token=BOS, eos_token=EOS, unk_token="<unk>")
    fast.add_tokens(special, special_tokens=True)
    return fast


def _special_ids(tokenizer: Any) -> dict[str, Any]:
    return {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}


def _language(tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": _WIDTH,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        **_special_ids(tokenizer),
    }


def _encoder_decoder(encoder: Any, decoder: Any, tokenizer: Any, start: str, seed: int) -> Any:
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id = tokenizer.convert_tokens_to_ids(start)
    config.pad_token_id, config.eos_token_id = tokenizer.pad_token_id, tokenizer.eos_token_id
    torch.manual_seed(seed)
    return _talkative(VisionEncoderDecoderModel(config), tokenizer)


def _image_text(config: Any, tokenizer: Any, seed: int) -> Any:
    torch.manual_seed(seed)
    from_config: Any = AutoModelForImageTextToText.from_config
    return _talkative(from_config(config), tokenizer)


def _talkative(model: Any, tokenizer: Any) -> Any:
    """Weights so large that answers differ from page to page and from token to token; as they come they
    would all be the same token over and over."""
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter.data, std=1.6 * parameter.data[0].numel() ** -0.5)
    model.generation_config.update(**_special_ids(tokenizer), use_cache=True)
    return model.eval()


def _saved(folder: Path, model: Any, make_processor: Any, images: Any, tokenizer: Any) -> Path:
    model.save_pretrained(folder)
    make_processor(images, tokenizer).save_pretrained(folder)
    return folder
