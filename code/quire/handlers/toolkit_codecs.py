"""The formats that a handler with its own model reads and writes without saying so: JSON, CSV, NPY and NPZ to
numpy arrays and back, as the toolkit does it. Nothing is ever unpickled."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from werkzeug.http import parse_accept_header

from quire.words.errors import BadRequest, NotAcceptable, QuireError, UnsupportedMediaType

JSON, CSV = "application/json", "text/csv"
NPY, NPZ = "application/x-npy", "application/x-npz"
UTF8_TYPES = (JSON, CSV)
"""Bodies of exactly these types reach a user's function as text."""

_MAX_REASON_CHARACTERS = 200


def decode(body: str | bytearray, content_type: str | None) -> Any:
    """An array; for NPZ a scipy.sparse matrix. Raises UnsupportedMediaType, or BadRequest for a body that is
    not what it claims to be."""
    media_type = essence(content_type)
    decoder = _DECODERS.get(media_type)
    if decoder is None:
        raise UnsupportedMediaType(
            f"Content-Type {content_type!r} is none of {', '.join(_DECODERS)}; the handler has no input_fn"
        )
    try:
        return decoder(body)
    except QuireError:
        raise
    except Exception as error:  # json, numpy and zlib have many names for bytes that somebody made up
        reason = " ".join(str(error).split())[:_MAX_REASON_CHARACTERS] or type(error).__name__
        raise BadRequest(f"the body cannot be read as {media_type}: {reason}") from error


def encode(prediction: Any, accept: str, default: str) -> tuple[str | bytes, str]:
    """Body and Content-Type, in the format that `accept` prefers; `default` stands for a wildcard. Raises
    NotAcceptable, and whatever json and numpy raise for what they cannot write."""
    for media_type in preferred(accept, default):
        if media_type in _ENCODERS:
            return _ENCODERS[media_type](prediction), media_type
    raise NotAcceptable(
        f"Accept {accept[:80]!r} names none of {', '.join(_ENCODERS)}, and the handler has no output_fn"
    )


def preferred(accept: str, default: str) -> list[str]:
    """The media types of an Accept header, best first and in its own order, without parameters."""
    types = [essence(media_type) for media_type, quality in parse_accept_header(accept) if quality > 0]
    return [default if "*" in media_type else media_type for media_type in types]


def essence(content_type: str | None) -> str:
    """`text/csv` of `Text/CSV; charset=utf-8`."""
    return (content_type or "").partition(";")[0].strip().lower()


def _text(body: str | bytearray) -> str:
    return body if isinstance(body, str) else body.decode()


def _bytes(body: str | bytearray) -> io.BytesIO:
    return io.BytesIO(body.encode() if isinstance(body, str) else body)


def _read_json(body: str | bytearray) -> Any:
    return np.array(json.loads(_text(body)))


def _read_csv(body: str | bytearray) -> Any:
    return np.genfromtxt(io.StringIO(_text(body)), dtype=None, delimiter=",")


def _read_npy(body: str | bytearray) -> Any:
    return np.load(_bytes(body), allow_pickle=False)


def _read_npz(body: str | bytearray) -> Any:
    try:
        sparse = importlib.import_module("scipy.sparse")
    except ImportError as error:
        raise UnsupportedMediaType(f"Content-Type {NPZ}: scipy is not installed") from error
    return sparse.load_npz(_bytes(body))


def _write_json(prediction: Any) -> str:
    return json.dumps(prediction, default=_as_list)


def _as_list(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _write_csv(prediction: Any) -> str:
    stream = io.StringIO()
    np.savetxt(stream, prediction, delimiter=",", fmt="%s")
    return stream.getvalue()


def _write_npy(prediction: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, prediction, allow_pickle=False)
    return buffer.getvalue()


_DECODERS: dict[str, Callable[[str | bytearray], Any]] = {
    JSON: _read_json,
    CSV: _read_csv,
    NPY: _read_npy,
    NPZ: _read_npz,
}

_ENCODERS: dict[str, Callable[[Any], str | bytes]] = {JSON: _write_json, CSV: _write_csv, NPY: _write_npy}
