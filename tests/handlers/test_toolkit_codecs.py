"""The toolkit's formats, without its pickles."""

from __future__ import annotations

import io
import json
from importlib import import_module

import numpy as np
import pytest

from quire.handlers.toolkit_codecs import CSV, JSON, NPY, NPZ, decode, encode, preferred
from quire.words.errors import BadRequest, NotAcceptable, QuireError, UnsupportedMediaType
from tests.fakes.handlers_that_users_write import npy


def test_json_csv_and_npy_become_arrays() -> None:
    for body, content_type in (
        ("[[1.5, 2], [3, 4]]", JSON),
        (bytearray(b"[[1.5, 2], [3, 4]]"), "Application/JSON; charset=utf-8"),
        ("1.5,2.0\n3.0,4.0\n", CSV),
        (bytearray(npy([[1.5, 2], [3, 4]])), NPY),
    ):
        assert decode(body, content_type).tolist() == [[1.5, 2.0], [3.0, 4.0]], content_type


def test_csv_is_read_as_the_toolkit_reads_it() -> None:
    decoder = import_module("sagemaker_inference.decoder")
    for text in ("1,2\n3,4", "1,2.5\n3,4.5", "a,1\nb,2", "1", "1,,3\n4,5,6"):
        theirs = decoder.decode(text, CSV)
        ours = decode(text, CSV)
        assert (ours.dtype, ours.tolist()) == (theirs.dtype, theirs.tolist()), text


def test_npz_becomes_a_sparse_matrix() -> None:
    sparse = import_module("scipy.sparse")
    buffer = io.BytesIO()
    sparse.save_npz(buffer, sparse.csr_matrix(np.eye(3)))
    assert decode(bytearray(buffer.getvalue()), NPZ).toarray().tolist() == np.eye(3).tolist()


def pickled_npy() -> bytearray:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return bytearray(buffer.getvalue())


def npy_of(header: bytes) -> bytearray:
    return bytearray(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


def npy_of_shape(shape: str) -> bytearray:
    return npy_of(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape},)}}".encode())


def flipped_npz() -> bytearray:
    """Whose compressed data begins with a block of no known kind."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, format=np.zeros(1000))
    data = bytearray(buffer.getvalue())
    name_and_more = int.from_bytes(data[26:28], "little") + int.from_bytes(data[28:30], "little")
    data[30 + name_and_more] = 0x07
    return data


def npz_of_format(form: object) -> bytearray:
    buffer = io.BytesIO()
    np.savez(buffer, format=np.array(form))
    return bytearray(buffer.getvalue())


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (npy_of_shape("10000000000000"), NPY),
        (npy_of_shape("100000000000000000000000"), NPY),
        (npy_of(b"{'descr': ("), NPY),
        (flipped_npz(), NPZ),
        (npz_of_format(5), NPZ),
        (npz_of_format("no such format"), NPZ),
    ],
    ids=["more memory than there is", "more than a number holds", "header", "zlib", "a number", "a name"],
)
def test_bytes_that_somebody_made_up_are_the_callers_fault(body: bytearray, content_type: str) -> None:
    with pytest.raises(BadRequest, match=f"cannot be read as {content_type}"):
        decode(body, content_type)


@pytest.mark.parametrize(
    ("body", "content_type", "error", "says"),
    [
        (pickled_npy(), NPY, BadRequest, "allow_pickle=False"),
        (bytearray(b"\x93NUMPY"), NPY, BadRequest, "application/x-npy"),
        (bytearray(b"PK\x03\x04broken"), NPZ, BadRequest, "application/x-npz"),
        ("{", JSON, BadRequest, "Expecting"),
        ("[" * 100_000, JSON, BadRequest, "recursion"),
        ("[[1], [2, 3]]", JSON, BadRequest, "inhomogeneous"),
        ("1,2\n3\n", CSV, BadRequest, "columns"),
        (bytearray(b"\xff"), "text/csv; charset=utf-8", BadRequest, "utf-8"),
        ("x", "text/plain", UnsupportedMediaType, "none of application/json"),
        (bytearray(b"x"), None, UnsupportedMediaType, "None"),
    ],
)
def test_what_cannot_be_read_is_the_callers_fault(
    body: str | bytearray, content_type: str | None, error: type[QuireError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        decode(body, content_type)
    assert "\n" not in str(caught.value)


def test_encoding_follows_the_order_of_accept() -> None:
    prediction = np.array([[1.0, 2.5]])
    assert encode(prediction, JSON, JSON) == ("[[1.0, 2.5]]", JSON)
    assert encode({"scores": prediction}, "image/png,application/json", JSON)[0] == '{"scores": [[1.0, 2.5]]}'
    assert encode(prediction, "text/csv;q=0.5, application/json;q=0.4", JSON) == ("1.0,2.5\n", CSV)
    assert encode(prediction, "text/*, */*", CSV)[1] == CSV
    body, content_type = encode(prediction, NPY, JSON)
    assert isinstance(body, bytes)
    assert (np.load(io.BytesIO(body)).tolist(), content_type) == (prediction.tolist(), NPY)


def test_preferred_media_types() -> None:
    assert preferred("a/b;q=0, c/d;q=0.2, e/f, G/H;v=1", JSON) == ["e/f", "g/h", "c/d"]


def test_an_accept_that_nothing_meets_is_refused() -> None:
    with pytest.raises(NotAcceptable, match="image/png"):
        encode([1], "image/png", JSON)


def test_nothing_is_pickled_on_the_way_out_either() -> None:
    with pytest.raises(ValueError, match="allow_pickle=False"):
        encode(np.array([object()]), NPY, JSON)
    with pytest.raises(TypeError, match="object"):
        encode(object(), JSON, JSON)


def test_json_is_written_as_the_toolkit_writes_it() -> None:
    encoder = import_module("sagemaker_inference.encoder")
    for value in ([1, 2.5], {"a": np.float32(0.1)}, "text", None, np.arange(6).reshape(2, 3), float("nan")):
        assert encode(value, JSON, JSON)[0] == encoder.encode(value, JSON)
    for rows in ([1, 2.5], [[1, 2], [3, 4]], ["a", "b"]):
        assert encode(rows, CSV, JSON)[0] == encoder.encode(rows, CSV)
    assert json.loads(encode(np.int64(3), JSON, JSON)[0]) == 3
