"""Every knob, once: its unit, its bounds, what it does. Read at the edge from a Mapping, then frozen."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from quire.words.errors import SettingsError

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
        return "" if self.least is None else f"{self.least:g} to {self.most:g}"


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
        "QUIRE_DRAIN_SECONDS", 20.0, "after SIGTERM, how long documents in flight may take to end", 0, 24
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
    "dpi": Knob("QUIRE_DPI", 200, "resolution of a rendered PDF page", 36, 1200),
    "max_page_pixels": Knob(
        "QUIRE_MAX_PAGE_PIXELS",
        12_000_000,
        "a larger page is scaled down to this many pixels before it is read",
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
    "device_threads": Knob(
        "QUIRE_DEVICE_THREADS", 0, "torch threads of a device worker on the CPU; 0 is one a core", 0, 512
    ),
    "precision": Knob(
        "QUIRE_PRECISION",
        "auto",
        "number format of the model; auto follows the table that the bench made",
        choices=("auto", "fp32", "bf16", "fp16"),
    ),
    "device_stall_seconds": Knob(
        "QUIRE_DEVICE_STALL_SECONDS",
        300.0,
        "a device worker that reports no progress for so long is killed",
        1,
        3600,
    ),
    "allowed_s3_prefixes": Knob(
        "QUIRE_ALLOWED_S3_PREFIXES",
        "",
        "comma-separated s3://bucket/prefix/ from which a request may name documents; empty is none",
    ),
    "model_server": Knob("QUIRE_MODEL_SERVER", "gunicorn", "the front end", choices=("gunicorn",)),
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


_MAPPED_TOOLKIT_VARIABLES = {
    "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": ("deadline_seconds", 1.0),
    "SAGEMAKER_MODEL_SERVER_TIMEOUT": ("deadline_seconds", 1.0),
    "SAGEMAKER_MAX_PAYLOAD_IN_MB": ("max_body_bytes", float(MEBIBYTE)),
}
"""The toolkit's variable → our field and the factor to our unit. Ours wins where both are set."""

_IGNORED_TOOLKIT_VARIABLES = {
    "SAGEMAKER_MODEL_SERVER_WORKERS": "one front end serves all; see QUIRE_MAX_CONCURRENT_INVOCATIONS",
    "SAGEMAKER_STARTUP_TIMEOUT": "use QUIRE_STARTUP_SECONDS",
    "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "the request's Accept header decides, else application/json",
    "SAGEMAKER_MULTI_MODEL": "multi-model endpoints cannot be asynchronous; the one model is served",
    "SAGEMAKER_SAFE_PORT_RANGE": "no port is opened but SAGEMAKER_BIND_TO_PORT",
    "SAGEMAKER_CONTAINER_LOG_LEVEL": "use QUIRE_LOG_LEVEL",
}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All knobs, checked. `sources` tells per field the variable it came from, or `default`;
    `warnings` are sentences about variables that have no or an unexpected effect."""

    max_concurrent_invocations: int
    max_threads: int
    max_body_bytes: int
    min_free_disk_bytes: int
    deadline_seconds: float
    heal_seconds: float
    drain_seconds: float
    startup_seconds: float
    render_workers: int
    render_page_seconds: float
    dpi: int
    max_page_pixels: int
    max_source_pixels: int
    arena_bytes: int
    device: str
    device_threads: int
    precision: str
    device_stall_seconds: float
    allowed_s3_prefixes: str
    model_server: str
    bind_host: str
    port: int
    base_dir: str
    program: str
    scratch_dir: str
    log_level: str
    sources: dict[str, str]
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.arena_bytes < 4 * self.max_page_pixels * 3:
            raise SettingsError(
                f"QUIRE_ARENA_BYTES={self.arena_bytes} holds fewer than four pages of "
                f"QUIRE_MAX_PAGE_PIXELS={self.max_page_pixels} (three bytes a pixel)"
            )
        for prefix in self.s3_prefixes:
            if not prefix.startswith("s3://") or len(prefix) <= len("s3://"):
                raise SettingsError(f"QUIRE_ALLOWED_S3_PREFIXES: {prefix!r} does not begin with s3://bucket")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Raises SettingsError that names the variable, its value and its bounds."""
        _refuse_unknown(environ)
        values: dict[str, object] = {}
        sources: dict[str, str] = {}
        for field, knob in KNOBS.items():
            given = environ.get(knob.variable)
            values[field] = knob.default if given is None else _parse(knob, knob.variable, given)
            sources[field] = "default" if given is None else knob.variable
        warnings = _map_toolkit_variables(environ, values, sources)
        return msgspec.convert({**values, "sources": sources, "warnings": tuple(warnings)}, cls)

    @property
    def model_dir(self) -> Path:
        """Where SageMaker unpacks the user's model: read-only, perhaps empty or absent."""
        return Path(self.base_dir) / "model"

    @property
    def scratch(self) -> Path:
        return Path(self.scratch_dir or tempfile.gettempdir())

    @property
    def s3_prefixes(self) -> tuple[str, ...]:
        return tuple(filter(None, (prefix.strip() for prefix in self.allowed_s3_prefixes.split(","))))


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = {knob.variable for knob in KNOBS.values()}
    for name in sorted(environ):
        if name.startswith("QUIRE_") and name not in known and name not in _NOT_KNOBS:
            near = difflib.get_close_matches(name, known, n=1)
            raise SettingsError(
                f"{name} is no setting of Quire" + (f"; did you mean {near[0]}?" if near else "")
            )


_NOT_KNOBS = ("QUIRE_DOCUMENTS", "QUIRE_HOME")
"""Read by the tests and by the laptop's command, never by the container."""


def _parse(knob: Knob, variable: str, given: str) -> str | int | float:
    if knob.choices and given not in knob.choices:
        raise SettingsError(f"{variable}={given!r} is none of {knob.bounds}")
    if knob.least is None or knob.most is None:
        return given
    try:
        value = type(knob.default)(given)
    except ValueError as error:
        kind = "whole number" if isinstance(knob.default, int) else "number"
        raise SettingsError(f"{variable}={given!r} is no {kind} from {knob.bounds}") from error
    if not knob.least <= float(value) <= knob.most:
        raise SettingsError(f"{variable}={given!r} is outside {knob.bounds}")
    return value


def _map_toolkit_variables(
    environ: Mapping[str, str], values: dict[str, object], sources: dict[str, str]
) -> list[str]:
    warnings = [
        f"{name} has no effect: {why}" for name, why in _IGNORED_TOOLKIT_VARIABLES.items() if name in environ
    ]
    for name, (field, factor) in _MAPPED_TOOLKIT_VARIABLES.items():
        if name not in environ:
            continue
        knob = KNOBS[field]
        if sources[field] != "default":
            warnings.append(f"{name} has no effect: {sources[field]} is set")
            continue
        scaled = knob._replace(least=(knob.least or 0) / factor, most=(knob.most or 0) / factor)
        values[field] = type(knob.default)(
            float(_parse(scaled._replace(default=0.0), name, environ[name])) * factor
        )
        sources[field] = name
        warnings.append(f"{name}={environ[name]} is taken as {knob.variable}={values[field]}")
    return warnings
