"""How PP-OCRv6 small is built: the configurations of its two networks and of their image processors.

Every value that the published weights rely on is written out, so that a later default of transformers
cannot change the network.
"""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]

DETECTION_STRIDE_PX = 32
"""Sides of a detection canvas are multiples of this."""

LINE_HEIGHT_PX = 48

RECOGNITION_STRIDE_PX = 8
"""Pixels of a line's width for each time step; its canvas is a multiple of this."""

_MAX_LINE_WIDTH_PX = 3200

_SQUEEZE, _PLAIN = True, False


def _backbone(stem: list[int], blocks: list[list[Any]], out_features: list[str]) -> Config:
    return {
        "model_type": "pp_lcnet_v4",
        "block_configs": blocks,
        "hidden_act": "relu",
        "num_channels": 3,
        "out_features": out_features,
        "reduction": 4,
        "scale": 1.0,
        "stem_channels": stem,
        "stem_strides": [2, 1, 1, 2, 1],
        "stem_type": "large",
        "use_learnable_affine_block": False,
    }


DETECTION_CONFIG: Config = {
    "architectures": ["PPOCRV6SmallDetForObjectDetection"],
    "model_type": "pp_ocrv6_small_det",
    "dtype": "float32",
    "backbone_config": _backbone(
        [3, 24, 48],
        [
            [[3, 48, 48, 1, _SQUEEZE], [3, 48, 48, 1, _PLAIN]],
            [[3, 48, 96, 2, _PLAIN], [3, 96, 96, 1, _SQUEEZE], [3, 96, 96, 1, _PLAIN]],
            [
                [3, 96, 192, 2, _PLAIN],
                [3, 192, 192, 1, _SQUEEZE],
                [3, 192, 192, 1, _PLAIN],
                [3, 192, 192, 1, _SQUEEZE],
                [3, 192, 192, 1, _PLAIN],
            ],
            [[3, 192, 384, 2, _PLAIN], [3, 384, 384, 1, _SQUEEZE], [3, 384, 384, 1, _PLAIN]],
        ],
        ["stage1", "stage2", "stage3", "stage4"],
    ),
    "dilated_kernel_size": 7,
    "id2label": {"0": "text"},
    "interpolate_mode": "nearest",
    "kernel_list": [3, 2, 2],
    "layer_list_out_channels": [48, 96, 192, 384],
    "neck_out_channels": 96,
    "reduction": 4,
}

RECOGNITION_CONFIG: Config = {
    "architectures": ["PPOCRV6SmallRecForTextRecognition"],
    "model_type": "pp_ocrv6_small_rec",
    "dtype": "float32",
    "backbone_config": _backbone(
        [3, 48, 96],
        [
            [[3, 96, 96, 1, _SQUEEZE]],
            [[3, 96, 96, 1, _PLAIN], [3, 96, 96, 1, _PLAIN]],
            [
                [3, 96, 192, [2, 1], _PLAIN],
                [3, 192, 192, 1, _SQUEEZE],
                [3, 192, 192, 1, _PLAIN],
                [3, 192, 192, 1, _SQUEEZE],
                [3, 192, 192, 1, _PLAIN],
                [3, 192, 192, 1, _SQUEEZE],
                [3, 192, 192, 1, _PLAIN],
            ],
            [[3, 192, 384, [2, 1], _PLAIN], [3, 384, 384, 1, _SQUEEZE], [3, 384, 384, 1, _PLAIN]],
        ],
        ["stage4"],
    ),
    "attention_dropout": 0.0,
    "conv_kernel_size": [1, 7],
    "depth": 2,
    "head_out_channels": 18710,
    "hidden_act": "silu",
    "hidden_size": 120,
    "layer_norm_eps": 1e-6,
    "mlp_ratio": 2.0,
    "num_attention_heads": 8,
    "qkv_bias": True,
}

_NORMALISATION: Config = {
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 2,
    "rescale_factor": 1 / 255,
}

DETECTION_PREPROCESSOR: Config = {
    "image_processor_type": "PPOCRV5ServerDetImageProcessor",
    **_NORMALISATION,
}


def recognition_preprocessor(characters: list[str]) -> Config:
    """`characters` in the order of the classes; index 0 is the CTC blank."""
    size = {"height": LINE_HEIGHT_PX, "width": 320}
    return {
        "image_processor_type": "PPOCRV6SmallRecImageProcessor",
        **_NORMALISATION,
        "character_list": characters,
        "do_pad": True,
        "max_image_width": _MAX_LINE_WIDTH_PX,
        "pad_size": size,
        "size": size,
    }
