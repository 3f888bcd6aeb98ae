"""RapidOCR 3.10.0 as its documentation shows it: one image after the other, the same PP-OCRv6 small weights
on ONNX Runtime with its own defaults, on CUDA where its ONNX Runtime knows CUDA.

A program of its own, spoken to through `line_process`, so that nothing shares its interpreter.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import onnxruntime
from rapidocr import RapidOCR

from bench.line_process import answer_lines


def main() -> None:
    on_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    engine = RapidOCR(params={"EngineConfig.onnxruntime.use_cuda": True} if on_cuda else None)
    logging.disable(logging.CRITICAL)

    def answer(command: dict[str, Any]) -> dict[str, float]:
        began = time.perf_counter()
        for path in command["documents"]:
            engine(path)
        return {"seconds": time.perf_counter() - began}

    answer_lines(lambda: {"provider": "CUDA" if on_cuda else "CPU"}, answer)


if __name__ == "__main__":
    main()
