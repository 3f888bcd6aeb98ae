"""Every knob, once: its name in the environment, its unit, its bounds, what it does."""

from __future__ import annotations

from typing import NamedTuple

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE


class Knob(NamedTuple):
    """One setting's name in the environment, its default, its bounds and the sentence in README.
    `choices` for a word; `least` and `most` for a number; neither for free text."""

    variable: str
    default: str | int | float
    sentence: str
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def bounds(self) -> str:
        if self.choices:
            return ", ".join(self.choices)
        return "" if self.least is None else f"{self.least:.15g} to {self.most:.15g}"


KNOBS: dict[str, Knob] = {
    "max_concurrent_invocations": Knob(
        "QUIRE_MAX_CONCURRENT_INVOCATIONS",
        4,
        "documents in the engine at once; set it to the endpoint's MaxConcurrentInvocationsPerInstance",
        1,
        1000,
    ),
    "max_threads": Knob(
        "QUIRE_MAX_THREADS",
        256,
        "threads of the front end, made on demand; eight are kept for /ping",
        16,
        4096,
    ),
    "max_body_bytes": Knob(
        "QUIRE_MAX_BODY_BYTES",
        GIBIBYTE,
        "largest request body, and largest document fetched from S3",
        1024,
        8 * GIBIBYTE,
    ),
    "min_free_disk_bytes": Knob(
        "QUIRE_MIN_FREE_DISK_BYTES",
        256 * MEBIBYTE,
        "scratch space that a body must leave free",
        0,
        1024 * GIBIBYTE,
    ),
    "deadline_seconds": Knob(
        "QUIRE_DEADLINE_SECONDS",
        870.0,
        "default deadline of an invocation, from receipt; the platform's own is 900",
        1,
        3600,
    ),
    "heal_seconds": Knob(
        "QUIRE_HEAL_SECONDS", 90.0, "how long /ping stays 200 while a dead process is replaced", 1, 1800
    ),
    "drain_seconds": Knob(
        "QUIRE_DRAIN_SECONDS", 20.0, "after SIGTERM, how long documents in flight may take to end", 0, 20
    ),
    "startup_seconds": Knob(
        "QUIRE_STARTUP_SECONDS", 600.0, "how long the model may take to load and warm up", 5, 3600
    ),
    "render_workers": Knob(
        "QUIRE_RENDER_WORKERS", 0, "processes that render pages; 0 is one a core, at most 4", 0, 64
    ),
    "render_page_seconds": Knob(
        "QUIRE_RENDER_PAGE_SECONDS", 60.0, "how long one page may render before its worker is killed", 1, 1800
    ),
    "max_pages": Knob(
        "QUIRE_MAX_PAGES",
        10_000,
        "pages that one request may ask for; a PDF can claim any number",
        1,
        1_000_000,
    ),
    "dpi": Knob("QUIRE_DPI", 200, "resolution of a rendered PDF page", 36, 1200),
    "max_page_pixels": Knob(
        "QUIRE_MAX_PAGE_PIXELS",
        12_000_000,
        "a larger page is scaled down to at most this many pixels before it is read",
        100_000,
        200_000_000,
    ),
    "max_source_pixels": Knob(
        "QUIRE_MAX_SOURCE_PIXELS",
        300_000_000,
        "an image that claims more pixels is refused as a decompression bomb",
        100_000,
        4_000_000_000,
    ),
    "arena_bytes": Knob(
        "QUIRE_ARENA_BYTES",
        512 * MEBIBYTE,
        "memory for page pixels, all documents together",
        16 * MEBIBYTE,
        256 * GIBIBYTE,
    ),
    "device": Knob(
        "QUIRE_DEVICE",
        "auto",
        "where the model runs; auto is CUDA where there is one",
        choices=("auto", "cpu", "cuda"),
    ),
    "device_workers": Knob(
        "QUIRE_DEVICE_WORKERS",
        0,
        "processes that run the model on the CPU; 0 is one a core, at most 4; on CUDA there is one a GPU",
        0,
        64,
    ),
    "device_threads": Knob(
        "QUIRE_DEVICE_THREADS",
        0,
        "torch threads of a device worker on the CPU; 0 shares the cores out among the workers",
        0,
        512,
    ),
    "warmup_seconds": Knob(
        "QUIRE_WARMUP_SECONDS",
        120.0,
        "how long a device worker may prepare CUDA graphs before it serves; the rest is run eagerly",
        0,
        3600,
    ),
    "compiled_dir": Knob(
        "QUIRE_COMPILED_DIR", "", "directory of packages made by `quire compile`; empty serves without"
    ),
    "precision": Knob(
        "QUIRE_PRECISION",
        "auto",
        "number format of the model; auto follows the table that the bench made",
        choices=("auto", "fp32", "bf16", "fp16"),
    ),
    "batch_share": Knob(
        "QUIRE_BATCH_SHARE",
        1.0,
        "share of the built-in batch ceilings that a batch may fill; `quire tune` tries which suits",
        0.05,
        4,
    ),
    "device_stall_seconds": Knob(
        "QUIRE_DEVICE_STALL_SECONDS",
        120.0,
        "a device worker that makes no progress for so long is killed, whatever its batch",
        1,
        3600,
    ),
    "allowed_s3_prefixes": Knob(
        "QUIRE_ALLOWED_S3_PREFIXES",
        "",
        "comma-separated s3://bucket/prefix/ from which a request may name documents; empty is none",
    ),
    "trust_remote_code": Knob(
        "QUIRE_TRUST_REMOTE_CODE",
        "off",
        "whether Python that a Hugging Face folder brings for its model is run",
        choices=("off", "on"),
    ),
    "model_server": Knob(
        "QUIRE_MODEL_SERVER",
        "gunicorn",
        "the front end; mms is multi-model-server with sagemaker-inference",
        choices=("gunicorn", "mms"),
    ),
    "handler_workers": Knob(
        "SAGEMAKER_MODEL_SERVER_WORKERS",
        0,
        "processes that run your own handler; 0 is one a GPU for a handler with a model_fn, else one",
        0,
        64,
    ),
    "default_accept": Knob(
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
        "application/json",
        "media type that your own handler is asked for where a request does not say",
    ),
    "bind_host": Knob("QUIRE_BIND_HOST", "0.0.0.0", "address that the front end listens on"),
    "port": Knob("SAGEMAKER_BIND_TO_PORT", 8080, "port that the front end listens on", 1, 65535),
    "base_dir": Knob("SAGEMAKER_BASE_DIR", "/opt/ml", "directory whose model/ holds the user's model"),
    "program": Knob("SAGEMAKER_PROGRAM", "inference.py", "file name of the handler"),
    "scratch_dir": Knob(
        "QUIRE_SCRATCH_DIR", "", "directory for bodies and results in flight; empty is the temp dir"
    ),
    "log_level": Knob(
        "QUIRE_LOG_LEVEL",
        "info",
        "least severe line that is logged",
        choices=("debug", "info", "warning", "error"),
    ),
}
"""Field name → knob. Order is the order of README's table."""
