"""Which prompt stands before an answer? The folder's own, or what quire.json asks."""

from __future__ import annotations

from typing import Any

DEFAULT_QUESTION = "Write down all text of this page, in reading order."
"""Asked of a chat model where quire.json has no prompt and the processor no question of its own."""


class PromptRefused(ValueError):
    """Whoever wrote the prompt must write another; says why."""


DONUT_ENCODER = "donut-swin"


def decoder_prompt(model: Any, tokenizer: Any, prompt: str | None) -> list[int]:
    """The tokens that a decoder begins with, as transformers' `generate` has it: its start token, then
    the prompt's; a Donut's prompt is its start. Raises PromptRefused, and ValueError where the folder
    names no start."""
    start = _start_token(model)
    if prompt is None:
        if start is None:
            raise ValueError("config.json names no decoder_start_token_id, and quire.json no prompt")
        return [start]
    tokens: list[int] = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    if not tokens:
        raise PromptRefused(f"the prompt {prompt!r} has no tokens")
    is_donut = model.config.encoder.model_type == DONUT_ENCODER
    return tokens if is_donut or start is None or tokens[0] == start else [start, *tokens]


def _start_token(model: Any) -> int | None:
    for config in (model.generation_config, model.config, model.config.decoder):
        start = getattr(config, "decoder_start_token_id", None)
        if start is not None:
            return int(start)
    return None


def chat_prompt(processor: Any, prompt: str | None) -> str | None:
    """The text for a processor: the question in its chat template or in the conversation that it writes, or
    after the image's token where there is neither. None leaves a processor that has a question of its own
    to ask it. Raises PromptRefused."""
    image_token = getattr(processor, "image_token", None) or ""
    if prompt is not None and image_token and image_token in prompt:
        if prompt.count(image_token) > 1:
            raise PromptRefused(f"the prompt holds {image_token} more than once, and a page is one picture")
        return prompt
    if prompt is None and _asks_itself(processor):
        return None
    question = prompt or DEFAULT_QUESTION
    if getattr(processor, "chat_template", None):
        content = [{"type": "image"}, {"type": "text", "text": question}]
        asked: str = processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        return asked
    if _asks_itself(processor):
        return _own_conversation(processor, question)
    return f"{image_token}\n{question}\n"


def _asks_itself(processor: Any) -> bool:
    """GOT-OCR2's processor writes its whole conversation itself."""
    return type(processor).__name__ == "GotOcr2Processor"


def _own_conversation(processor: Any, question: str) -> str:
    """What GOT-OCR2's processor writes around its own question, where nobody gives it a text."""
    start, end = processor.message_start_token, processor.message_end_token
    image = f"{processor.img_start_token}{processor.image_token}{processor.img_end_token}"
    return f"{start}{processor.system_query}{end}{start}user\n{image}\n{question}{end}{start}assistant\n"
