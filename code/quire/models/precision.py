"""Which number format the model computes in, and what `auto` means on each class of device."""

from __future__ import annotations

import enum


class Precision(enum.Enum):
    """Number format of weights and activations. Sums inside a kernel are float32 in all of them."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


AUTOMATIC_PRECISION: dict[str, Precision] = {
    # Measured: python bench/networks.py --threads 1; figures in docs/decisions/0002. bf16 takes about
    # half the time of fp32.
    "cpu-avx512_bf16": Precision.BF16,
    # Chosen, not measured. Without bf16 instructions torch emulates them; AMX has them, wider than AVX-512.
    "cpu": Precision.FP32,
    "cpu-amx": Precision.BF16,
    # Chosen, not measured for speed. From Volta on, tensor cores multiply fp16 as fast as bf16 where they
    # know both, and fp16 is nearer to fp32: see the errors that bench/networks.py prints.
    "cuda-sm70": Precision.FP16,
    "cuda-sm75": Precision.FP16,
    "cuda-sm80": Precision.FP16,
    "cuda-sm86": Precision.FP16,
    "cuda-sm89": Precision.FP16,
    "cuda-sm90": Precision.FP16,
    "cuda-sm100": Precision.FP16,
    "cuda-sm120": Precision.FP16,
}


def choose_precision(setting: str, device_class: str) -> Precision:
    """`setting` is fp32, bf16, fp16 or auto. The classes are those of `devices.device_class`; one that the
    table does not know computes in fp32. Raises ValueError for another setting."""
    if setting != "auto":
        return Precision(setting)
    return AUTOMATIC_PRECISION.get(device_class, Precision.FP32)
