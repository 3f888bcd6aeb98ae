"""A user's handler: what it is given, what becomes of what it returns and raises, what ends it at start."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest

from quire.words.errors import (
    BadRequest,
    HandlerFailed,
    HandlerRefused,
    NotAcceptable,
    QuireError,
    SettingsError,
    UnsupportedMediaType,
)
from tests.fakes.handlers_that_users_write import CSV, JSON, UsersRequest
from tests.handlers.conftest import Load

MODEL = "def model_fn(model_dir): return 3\n"
ECHO = (
    MODEL + "def transform_fn(model, data, content_type, accept): return repr((data, content_type, accept))\n"
)


def request(body: bytes = b"[1]", content_type: str | None = JSON) -> UsersRequest:
    return UsersRequest("of the test", body, content_type)


@pytest.mark.parametrize(
    ("content_type", "seen"),
    [
        (JSON, "'a'"),
        (CSV, "'a'"),
        ("application/json; charset=utf-8", "bytearray(b'a')"),
        ("image/png", "bytearray(b'a')"),
        (None, "bytearray(b'a')"),
    ],
)
def test_the_body_is_text_for_exactly_json_and_csv(load: Load, content_type: str | None, seen: str) -> None:
    answer = load(ECHO).ask(request(b"a", content_type))
    assert answer.body.decode() == f"({seen}, {content_type!r}, 'application/json')"


@pytest.mark.parametrize(
    ("accept", "given", "content_type"),
    [
        (None, "text/csv", "text/csv"),
        ("", "text/csv", "text/csv"),
        ("*/*", "text/csv", "text/csv"),
        ("image/png", "image/png", "image/png"),
        ("application/json, text/plain", "application/json, text/plain", "application/json"),
        ("text/html;q=0.1, text/plain;q=0.9", "text/html;q=0.1, text/plain;q=0.9", "text/plain"),
        ("text/*", "text/*", "text/csv"),
    ],
)
def test_accept_is_the_callers_else_the_setting(
    load: Load, accept: str | None, given: str, content_type: str
) -> None:
    loaded = load(ECHO, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv")
    answer = loaded.ask(UsersRequest("", b"a", JSON, accept))
    assert answer.body.decode() == f"('a', 'application/json', {given!r})"
    assert answer.content_type == content_type


def returning(expression: str) -> str:
    return MODEL + f"def transform_fn(model, data, content_type, accept): return {expression}\n"


@pytest.mark.parametrize(
    ("expression", "body", "content_type"),
    [
        ("b'x'", b"x", JSON),
        ("bytearray(b'x')", b"x", JSON),
        ("'ä'", "ä".encode(), JSON),
        ("('x', 'text/plain')", b"x", "text/plain"),
        ("(b'x', 'text/plain', 'more')", b"x", "text/plain"),
        ("{'a': [1]}", json.dumps({"a": [1]}, indent=2).encode(), JSON),
        ("None", b"null", JSON),
    ],
)
def test_what_a_handler_may_return(load: Load, expression: str, body: bytes, content_type: str) -> None:
    answer = load(returning(expression)).ask(request())
    assert (answer.body, answer.content_type, answer.status) == (body, content_type, 200)


@pytest.mark.parametrize("expression", ["object()", "('x',)", "('x', 3)", "()"])
def test_what_it_may_not_return_is_the_handlers_fault(load: Load, expression: str) -> None:
    with pytest.raises(HandlerFailed, match="transform_fn failed: TypeError"):
        load(returning(expression)).ask(request())


CONTEXT = (
    MODEL
    + """
def transform_fn(model, data, content_type, accept, context):
    context.metrics.add_time('predict', 1.5)
    {}
    tenant = context.get_request_header(0, 'x-tenant')
    properties = context.request_processor[0].get_request_properties()
    is_there = 'X-Tenant' in properties and properties['ACCEPT'] == accept
    gpu = context.system_properties['gpu_id']
    ids = context.get_request_id(), context.inference_id
    return repr([tenant, is_there, gpu, ids, 0 < context.seconds_left < 61])
"""
)


def test_each_invocation_has_a_context_of_its_own(load: Load) -> None:
    loaded = load(CONTEXT.format("context.set_response_status(202 if data == 'a' else 200)"))
    first = loaded.ask(UsersRequest("", b"a", JSON, JSON, {"X-Tenant": "7"}))
    assert first.body == b"['7', True, None, ('id-1', 'id-1'), True]"
    assert first.status == 202
    second = loaded.ask(UsersRequest("", b"b", JSON, JSON, {"X-Tenant": "8"}))
    assert second.body.startswith(b"['8'")
    assert second.status == 200


def test_a_content_type_told_to_the_context_holds(load: Load) -> None:
    loaded = load(CONTEXT.format("context.set_response_content_type(0, 'text/x-mine')"))
    assert loaded.ask(UsersRequest("", b"a", JSON, JSON)).content_type == "text/x-mine"


def test_what_runs_at_start_runs_once_in_order(load: Load, tmp_path: Path) -> None:
    loaded = load(
        "seen = []\n"
        "def pre_model_fn(model_dir): seen.append(('pre', model_dir))\n"
        "def model_fn(model_dir, context): seen.append(('model', context.system_properties['model_dir']))\n"
        "def model_warmup_fn(model_dir, model, context): seen.append(('warm', model, context.inference_id))\n"
        "def transform_fn(model, data, content_type, accept): return seen\n"
    )
    model_dir = str(tmp_path / "model")
    expected = [["pre", model_dir], ["model", model_dir], ["warm", None, None]]
    assert json.loads(loaded.ask(request()).body) == expected
    assert json.loads(loaded.ask(request()).body) == expected


def test_a_handlers_own_modules_and_files_are_found(load: Load, tmp_path: Path) -> None:
    code = tmp_path / "model" / "code"
    (code / "lib").mkdir(parents=True)
    (code / "beside_of_the_tests.py").write_text("NAME = 'beside'")
    (code / "lib" / "packed_of_the_tests.py").write_text("NAME = 'lib'")
    (tmp_path / "model" / "labels.txt").write_text("cat")
    loaded = load(
        "import beside_of_the_tests, packed_of_the_tests\n"
        "import pathlib\n"
        "def model_fn(model_dir): return pathlib.Path('labels.txt').read_text()\n"
        "def predict_fn(data, model): return [beside_of_the_tests.NAME, packed_of_the_tests.NAME, model]\n"
    )
    assert json.loads(loaded.ask(request()).body) == ["beside", "lib", "cat"]
    assert Path.cwd() == tmp_path / "model"
    assert sys.path[:2] == [str(code), str(code / "lib")]


def raising(raised: str) -> str:
    return MODEL + f"def input_fn(data, content_type): {raised}\ndef predict_fn(data, model): return data\n"


def failure(load: Load, text: str) -> QuireError:
    with pytest.raises(QuireError) as caught:
        load(text).ask(request())
    return caught.value


def test_any_exception_is_one_line_and_its_traceback_is_in_the_log(
    load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    error = failure(load, raising("raise KeyError('a\\nsecret')"))
    assert isinstance(error, HandlerFailed)
    assert (error.status, str(error)) == (500, "input_fn failed: KeyError: 'a\\nsecret'")
    (line,) = [record for record in caplog.records if record.name == "quire.handler"]
    assert line.exc_info
    assert line.levelno == logging.ERROR


def test_only_the_first_line_of_a_message_goes_out(load: Load) -> None:
    error = failure(load, raising("raise RuntimeError('first\\nsecond')"))
    assert str(error) == "input_fn failed: RuntimeError: first"


def test_our_own_errors_may_be_raised(load: Load) -> None:
    error = failure(load, raising("from quire.words.errors import BadRequest; raise BadRequest('no')"))
    assert (type(error), str(error)) == (BadRequest, "no")


@pytest.mark.parametrize(
    ("status", "kind", "answered", "retryable"),
    [
        (418, HandlerRefused, 418, False),
        (500, HandlerFailed, 500, False),
        (503, HandlerFailed, 503, True),
        (200, HandlerFailed, 500, False),
    ],
)
def test_a_toolkit_error_keeps_its_status(
    load: Load, status: int, kind: type[QuireError], answered: int, retryable: bool
) -> None:
    raised = (
        "from sagemaker_inference.errors import GenericInferenceToolkitError as Error; "
        f"raise Error({status}, 'so it is')"
    )
    error = failure(load, raising(raised))
    assert type(error) is kind
    assert (error.status, error.retryable, str(error)) == (answered, retryable, "so it is")


@pytest.mark.parametrize("status", ["'no number'", "None", "float('inf')"])
def test_a_toolkit_error_whose_status_is_none_is_a_500(load: Load, status: str) -> None:
    raised = (
        f"from sagemaker_inference.errors import GenericInferenceToolkitError as E; raise E({status}, 'so')"
    )
    error = failure(load, raising(raised))
    assert (type(error), error.status, str(error)) == (HandlerFailed, 500, "so")


def test_a_toolkit_error_may_say_nothing(load: Load) -> None:
    raised = (
        "from sagemaker_inference.errors import UnsupportedFormatError as E; "
        "e = type('Mute', (E,), {'__str__': lambda self: ''})('x'); raise e"
    )
    assert str(failure(load, raising(raised))) == "Mute"


@pytest.mark.parametrize(
    "told",
    [
        "set_response_content_type(0, 'text/\\u00e9')",
        "set_response_content_type(0, 'text/plain\\r\\nX-More: 1')",
        "set_response_status(99999)",
        "set_response_status('200')",
    ],
)
def test_a_type_or_status_that_no_answer_has_is_the_handlers_fault(load: Load, told: str) -> None:
    with pytest.raises(HandlerFailed, match=r"content type|status"):
        load(CONTEXT.format(f"context.{told}")).ask(UsersRequest("", b"a", JSON, JSON))


def test_the_toolkits_unsupported_format_names_who_is_at_fault(load: Load) -> None:
    raised = "from sagemaker_inference.errors import UnsupportedFormatError as E; raise E('x/y')"
    assert type(failure(load, raising(raised))) is UnsupportedMediaType
    text = f"{MODEL}def predict_fn(d, m): return d\ndef output_fn(p, accept): {raised}\n"
    assert type(failure(load, text)) is NotAcceptable


def test_text_that_is_not_utf8_is_the_callers_fault(load: Load) -> None:
    with pytest.raises(BadRequest, match="not UTF-8"):
        load(ECHO).ask(request(b"\xff", CSV))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nothing_of_this_name\ndef predict_fn(d, m): ...", "ModuleNotFoundError"),
        ("def predict_fn(data): ...", "predict_fn(data) takes neither 2 nor 3 arguments"),
        (ECHO + "def predict_fn(data, model): ...", "transform_fn, which does the work of predict_fn"),
        (MODEL, "model_fn, and neither predict_fn nor transform_fn"),
        (ECHO + "del model_fn", "model_fn comes and goes"),
        (ECHO + "globals()['input_fn'] = 3", "input_fn is no function"),
        (ECHO.replace("return 3", "raise OSError('no\\nweights')"), "model_fn failed: OSError: no"),
        (ECHO.replace("return 3", "raise SystemExit(3)"), "model_fn failed: SystemExit: 3"),
        (ECHO + "def pre_model_fn(model_dir): 1 / 0", "pre_model_fn failed: ZeroDivisionError"),
        (ECHO + "def model_warmup_fn(model_dir, model): 1 / 0", "model_warmup_fn failed: ZeroDivisionError"),
    ],
)
def test_a_handler_that_cannot_serve_is_one_clear_line(load: Load, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(text)
    assert says in str(caught.value)
    assert f"inference.py{'' if 'inference.py ' in str(caught.value) else ':'}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_built_in_program_loads_the_same_way(load: Load, tmp_path: Path) -> None:
    (tmp_path / "model" / "code").mkdir(parents=True)
    before = Path.cwd(), sys.path[:]
    loaded = load("def page_model_fn(model_dir, settings): ...")
    assert loaded.program.is_built_in
    assert (Path.cwd(), sys.path) == before
    with pytest.raises(UnsupportedMediaType):
        loaded.ask(request(b"no document", "application/pdf"))
