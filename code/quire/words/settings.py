"""The settings as one frozen object: read at the edge from a Mapping, checked against the knobs."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from quire.words.errors import SettingsError
from quire.words.knobs import KNOBS, MEBIBYTE, Knob

__all__ = ["KNOBS", "MEBIBYTE", "Knob", "Settings"]

_MAPPED_TOOLKIT_VARIABLES = {
    "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": ("deadline_seconds", 1.0),
    "SAGEMAKER_MODEL_SERVER_TIMEOUT": ("deadline_seconds", 1.0),
    "SAGEMAKER_MAX_PAYLOAD_IN_MB": ("max_body_bytes", float(MEBIBYTE)),
}
"""The toolkit's variable → our field and the factor to our unit. Ours wins where both are set."""

_IGNORED_TOOLKIT_VARIABLES = {
    "SAGEMAKER_STARTUP_TIMEOUT": "use QUIRE_STARTUP_SECONDS",
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
    max_pages: int
    dpi: int
    max_page_pixels: int
    max_source_pixels: int
    arena_bytes: int
    device: str
    device_workers: int
    device_threads: int
    warmup_seconds: float
    compiled_dir: str
    precision: str
    batch_share: float
    device_stall_seconds: float
    allowed_s3_prefixes: str
    trust_remote_code: str
    model_server: str
    handler_workers: int
    default_accept: str
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
