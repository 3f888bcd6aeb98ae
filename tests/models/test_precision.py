"""The precision that is asked for is used, and `auto` follows the table of device classes."""

from __future__ import annotations

import pytest

from quire.models.precision import Precision, choose_precision


@pytest.mark.parametrize("precision", list(Precision))
def test_setting_overrides_the_table(precision: Precision) -> None:
    assert choose_precision(precision.value, "cpu-avx512_bf16") is precision


@pytest.mark.parametrize(
    ("device_class", "expected"),
    [
        ("cpu", Precision.FP32),
        ("cpu-avx512_bf16", Precision.BF16),
        ("cpu-amx", Precision.BF16),
        ("cuda-sm86", Precision.FP16),
        ("a class of tomorrow", Precision.FP32),
    ],
)
def test_auto_follows_the_device_class(device_class: str, expected: Precision) -> None:
    assert choose_precision("auto", device_class) is expected


def test_unknown_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="int8"):
        choose_precision("int8", "cpu")
