"""The networks answer as the published ones do, alone or in a batch, in every format within its bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from transformers import PPOCRV6SmallDetForObjectDetection, PPOCRV6SmallRecForTextRecognition

from quire.models.ppocr.detection_network import DetectionNetwork
from quire.models.ppocr.kernels import Kernels, OneDnnKernels, PlainKernels, choose_kernels
from quire.models.ppocr.networks import Networks, Recognized, load_networks
from quire.models.ppocr.recognition_network import RecognitionNetwork
from quire.models.precision import Precision

Images = npt.NDArray[np.uint8]
Published = Callable[[Images], npt.NDArray[np.float32]]

CPU = torch.device("cpu")
DETECTION_TOLERANCE = 1e-4
RECOGNITION_TOLERANCE = 1e-3

WORDS = ("Invoice 2041", "Total: 1,234.50 EUR", "The quick brown fox", "Harbour Street 12")


def drawn_line(text: str, width: int) -> Images:
    """Black on white, 48 pixels high, as [3, 48, width]."""
    image = Image.new("RGB", (width, 48), "white")
    ImageDraw.Draw(image).text((8, 6), text, "black", ImageFont.load_default(30))
    return np.asarray(image).transpose(2, 0, 1)


def drawn_page(height: int, width: int) -> Images:
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for index, text in enumerate(WORDS):
        draw.text((20, 30 + 60 * index), text, (40, 10 * index, 90), ImageFont.load_default(24))
    return np.asarray(image).transpose(2, 0, 1)


def receipt(documents: Path) -> Image.Image:
    return Image.open(sorted((documents / "receipts").glob("*.jpg"))[0]).convert("RGB")


def decoded(networks: Networks, recognized: Recognized) -> list[str]:
    texts = []
    for classes in recognized.classes.tolist():
        kept = [now for before, now in zip([0, *classes], classes, strict=False) if now not in (0, before)]
        texts.append("".join(networks.characters[index] for index in kept))
    return texts


def assert_detects_alike(networks: Networks, published: Published, pages: Images) -> None:
    found = networks.detect(torch.from_numpy(pages.copy())).numpy()
    assert found.shape == pages[:, 0].shape
    assert np.abs(found - published(pages)).max() <= DETECTION_TOLERANCE


def assert_recognizes_alike(networks: Networks, published: Published, lines: Images) -> None:
    found = networks.recognize(torch.from_numpy(lines.copy()))
    expected = published(lines)
    assert found.classes.shape == found.confidences.shape == expected.shape[:2]
    second, first = np.sort(expected, axis=2)[:, :, -2:].transpose(2, 0, 1)
    clear = first - second > RECOGNITION_TOLERANCE
    classes = found.classes.numpy()
    assert (classes[clear] == expected.argmax(2)[clear]).all()
    written = classes != 0
    assert np.abs(found.confidences.numpy() - first)[written].max(initial=0) <= RECOGNITION_TOLERANCE
    assert (found.confidences.numpy()[~written] == 1).all()


@pytest.mark.parametrize("shape", [(2, 3, 160, 224), (1, 3, 64, 64), (3, 3, 96, 320)])
def test_detection_agrees_on_noise(
    networks: Networks,
    published_detection: Published,
    fresh_random: np.random.Generator,
    shape: tuple[int, ...],
) -> None:
    assert_detects_alike(networks, published_detection, fresh_random.integers(0, 256, shape, np.uint8))


def test_detection_agrees_on_a_drawn_page(networks: Networks, published_detection: Published) -> None:
    page = drawn_page(320, 448)[None]
    assert_detects_alike(networks, published_detection, page)
    assert (networks.detect(torch.from_numpy(page.copy())) > 0.5).any()


def test_detection_agrees_on_a_receipt(
    networks: Networks, published_detection: Published, documents: Path
) -> None:
    page = np.asarray(receipt(documents).resize((448, 960))).transpose(2, 0, 1)[None]
    assert_detects_alike(networks, published_detection, page)


@pytest.mark.parametrize("shape", [(2, 3, 48, 320), (1, 3, 48, 416), (3, 3, 48, 64)])
def test_recognition_agrees_on_noise(
    networks: Networks,
    published_recognition: Published,
    fresh_random: np.random.Generator,
    shape: tuple[int, ...],
) -> None:
    lines = fresh_random.integers(0, 256, shape, np.uint8)
    assert_recognizes_alike(networks, published_recognition, lines)


def test_recognition_agrees_on_drawn_lines(networks: Networks, published_recognition: Published) -> None:
    assert_recognizes_alike(networks, published_recognition, np.stack([drawn_line(w, 400) for w in WORDS]))


def test_recognition_agrees_on_a_receipt(
    networks: Networks, published_recognition: Published, documents: Path
) -> None:
    page = receipt(documents).resize((448, 960))
    strips = [page.crop((0, top, 448, top + 24)).resize((448, 48)) for top in range(100, 700, 40)]
    lines = np.stack([np.asarray(strip).transpose(2, 0, 1) for strip in strips])
    assert_recognizes_alike(networks, published_recognition, lines)


@pytest.mark.parametrize("text", WORDS)
def test_drawn_lines_read_as_they_are_written(networks: Networks, text: str) -> None:
    found = networks.recognize(torch.from_numpy(drawn_line(text, 400)[None].copy()))
    assert decoded(networks, found) == [text]


def test_line_reads_the_same_alone_and_in_a_batch(networks: Networks) -> None:
    lines = torch.from_numpy(np.stack([drawn_line(word, 400) for word in WORDS * 3]))
    together = networks.recognize(lines)
    for index in range(len(lines)):
        alone = networks.recognize(lines[index : index + 1])
        assert torch.equal(alone.classes[0], together.classes[index])
        assert torch.allclose(alone.confidences[0], together.confidences[index], atol=1e-5)


def test_page_is_detected_the_same_alone_and_in_a_batch(networks: Networks) -> None:
    pages = torch.from_numpy(np.stack([drawn_page(192, 256), 255 - drawn_page(192, 256)]))
    together = networks.detect(pages)
    for index in range(len(pages)):
        assert torch.allclose(networks.detect(pages[index : index + 1])[0], together[index], atol=1e-5)


def test_layout_of_the_input_does_not_matter(networks: Networks) -> None:
    lines = torch.from_numpy(np.stack([drawn_line(word, 400) for word in WORDS]))
    rows_of_pixels = lines.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert torch.equal(networks.recognize(lines).classes, networks.recognize(rows_of_pixels).classes)


def both_networks(folder: Path, kernels: Kernels, pages: Tensor, lines: Tensor) -> tuple[Tensor, ...]:
    detection = PPOCRV6SmallDetForObjectDetection.from_pretrained(folder / "detection")
    recognition = PPOCRV6SmallRecForTextRecognition.from_pretrained(folder / "recognition")
    with torch.inference_mode():
        return (
            *DetectionNetwork(kernels, detection)(pages),
            *RecognitionNetwork(kernels, recognition)(lines),
        )


def test_plain_kernels_are_twins_of_the_fused_ones(default_model: Path) -> None:
    assert isinstance(choose_kernels(CPU, torch.float32), OneDnnKernels)
    pages = torch.from_numpy(drawn_page(160, 224)[None].copy())
    lines = torch.from_numpy(np.stack([drawn_line(word, 400) for word in WORDS]))
    plain = both_networks(default_model, PlainKernels(CPU, torch.float32), pages, lines)
    fused = both_networks(default_model, OneDnnKernels(torch.float32), pages, lines)
    assert torch.allclose(plain[0], fused[0], atol=DETECTION_TOLERANCE)
    assert torch.equal(plain[1], fused[1])
    assert torch.allclose(plain[2], fused[2], atol=RECOGNITION_TOLERANCE)


@pytest.mark.parametrize("precision", [Precision.BF16, Precision.FP16])
def test_sixteen_bits_stay_near_to_fp32(
    networks: Networks, default_model: Path, precision: Precision
) -> None:
    lines = torch.from_numpy(np.stack([drawn_line(word, 400) for word in WORDS]))
    page = torch.from_numpy(drawn_page(192, 256)[None].copy())
    rounded = load_networks(default_model, CPU, precision)
    exact, found = networks.recognize(lines), rounded.recognize(lines)
    assert decoded(rounded, found) == list(WORDS)
    assert found.confidences.dtype == torch.float32
    assert (found.confidences - exact.confidences).abs().mean() < 0.01
    assert (rounded.detect(page) - networks.detect(page)).abs().mean() < 0.01


def test_characters_are_one_for_each_class(networks: Networks) -> None:
    assert len(networks.characters) == 18710
    assert networks.characters[0] == ""
    assert networks.characters[-1] == " "
    assert len(set(networks.characters)) == len(networks.characters)


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros((1, 3, 64, 64)),
        torch.zeros((3, 64, 64), dtype=torch.uint8),
        torch.zeros((1, 1, 64, 64), dtype=torch.uint8),
        torch.zeros((1, 3, 64, 80), dtype=torch.uint8),
        torch.zeros((0, 3, 64, 64), dtype=torch.uint8),
    ],
)
def test_detection_refuses_what_is_no_canvas(networks: Networks, images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"expected uint8|not one that the network can take"):
        networks.detect(images)


@pytest.mark.parametrize("height_width", [(96, 64), (48, 60), (32, 64)])
def test_recognition_refuses_what_is_no_line(networks: Networks, height_width: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"pixels"):
        networks.recognize(torch.zeros((1, 3, *height_width), dtype=torch.uint8))
