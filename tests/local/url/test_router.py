"""Every call reaches the application that it is for."""

from __future__ import annotations

import json
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from quire_endpoint.local.url.router import Router
from tests.fakes.bare_url import Named

ROUTER = Router(Named("s3"), Named("sagemaker"), Named("moto"), Named("pages"))


def answered(method: str, target: str, **headers: str) -> tuple[str, str]:
    """The status, and the name of the application or the place that a redirection names."""
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, **headers}
    setup_testing_defaults(environ)
    seen: list[Any] = []

    def start_response(*arguments: Any) -> Any:
        seen.extend(arguments)

    body = b"".join(ROUTER(environ, start_response)).decode()
    return seen[0], body or dict(seen[1])["Location"]


def is_refused(method: str, target: str, **headers: str) -> bool:
    status, said = answered(method, target, **headers)
    assert status in ("200 OK", "403 Forbidden"), status
    return status == "403 Forbidden" and bool(json.loads(said)["error"])


def signed(service: str) -> str:
    return (
        f"AWS4-HMAC-SHA256 Credential=AKID/20261120/eu-west-1/{service}/aws4_request, SignedHeaders=host, S=0"
    )


@pytest.mark.parametrize(
    ("service", "application"),
    [("s3", "s3"), ("sagemaker", "sagemaker"), ("sns", "moto"), ("sqs", "moto"), ("monitoring", "moto")],
)
def test_signed_goes_by_its_scope(service: str, application: str) -> None:
    assert answered("POST", "/anything", HTTP_AUTHORIZATION=signed(service)) == ("200 OK", application)
    query = f"X-Amz-Credential=AKID%2F20261120%2Fus-east-1%2F{service}%2Faws4_request"
    assert answered("GET", f"/anything?{query}") == ("200 OK", application)


def test_signed_for_every_region() -> None:
    scope = "AWS4-ECDSA-P256-SHA256 Credential=AKID/20261120/s3/aws4_request, SignedHeaders=host, Signature=0"
    assert answered("GET", "/b/k", HTTP_AUTHORIZATION=scope) == ("200 OK", "s3")


@pytest.mark.parametrize(
    ("method", "target", "headers", "application"),
    [
        ("GET", "/bucket/key", {}, "s3"),
        ("GET", "/bucket/key?AWSAccessKeyId=a&Signature=b&Expires=1", {}, "s3"),
        ("GET", "/bucket", {"HTTP_AUTHORIZATION": "AWS AKID:signature"}, "s3"),
        ("POST", "/", {"HTTP_X_AMZ_TARGET": "SageMaker.ListEndpoints"}, "sagemaker"),
        ("POST", "/endpoints/one/async-invocations", {}, "sagemaker"),
        ("POST", "/endpoints/one/invocations", {}, "sagemaker"),
        ("POST", "/", {"HTTP_X_AMZ_TARGET": "AmazonSQS.SendMessage"}, "moto"),
        ("POST", "/", {"CONTENT_TYPE": "application/x-www-form-urlencoded"}, "moto"),
        ("GET", "/?Action=ConfirmSubscription&Token=1", {}, "moto"),
        ("POST", "/moto-api/reset", {}, "moto"),
        ("GET", "/_quire", {}, "pages"),
        ("POST", "/_quire/faults", {"HTTP_AUTHORIZATION": signed("s3")}, "pages"),
        ("GET", "/_quirex/k", {}, "s3"),
    ],
)
def test_unsigned_goes_by_its_look(
    method: str, target: str, headers: dict[str, str], application: str
) -> None:
    assert answered(method, target, **headers) == ("200 OK", application)


def test_a_browser_at_the_bare_url_is_shown_the_page() -> None:
    assert answered("GET", "/") == ("302 Found", "/_quire/")
    assert answered("GET", "/", HTTP_AUTHORIZATION=signed("s3")) == ("200 OK", "s3")


EVERYWHERE = [
    ("GET", "/bucket/key"),
    ("POST", "/moto-api/reset"),
    ("POST", "/endpoints/one/async-invocations"),
    ("GET", "/_quire/state"),
]


@pytest.mark.parametrize(("method", "target"), EVERYWHERE)
@pytest.mark.parametrize("signature", ["", signed("s3"), signed("sagemaker")])
@pytest.mark.parametrize(
    "header",
    [
        {"HTTP_HOST": "rebound.example:4599"},
        {"HTTP_HOST": "127.0.0.1.rebound.example"},
        {"HTTP_ORIGIN": "https://site.example"},
        {"HTTP_ORIGIN": "https://bucket.s3.amazonaws.com"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": "http://[x"},
    ],
    ids=str,
)
def test_other_sites_are_refused(method: str, target: str, signature: str, header: dict[str, str]) -> None:
    """A page that a browser shows: signatures are not verified, so that it could write one itself."""
    assert is_refused(method, target, HTTP_AUTHORIZATION=signature, **header)


@pytest.mark.parametrize(
    ("method", "target", "refused"),
    [
        ("GET", "/?Action=DeleteQueue&QueueUrl=q", True),
        ("GET", "/moto-api/data.json", True),
        ("POST", "/endpoints/one/async-invocations", True),
        ("DELETE", "/bucket/key", True),
        ("GET", "/bucket/key", False),
        ("GET", "/_quire/", False),
    ],
)
def test_a_picture_or_a_link_elsewhere_changes_nothing(method: str, target: str, refused: bool) -> None:
    """What a browser fetches without saying from where, only that it is from elsewhere."""
    assert is_refused(method, target, HTTP_SEC_FETCH_SITE="cross-site") == refused


@pytest.mark.parametrize(("method", "target"), EVERYWHERE)
@pytest.mark.parametrize(
    "header",
    [
        {"HTTP_HOST": "127.0.0.1:4599"},
        {"HTTP_HOST": "LOCALHOST"},
        {"HTTP_HOST": "[::1]:4599"},
        {"HTTP_HOST": "bucket.s3.localhost:4599"},
        {"HTTP_HOST": "bucket.s3.eu-west-1.amazonaws.com"},
        {"HTTP_HOST": "host.docker.internal:4599"},
        {"HTTP_ORIGIN": "http://localhost:3000", "HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "none"},
    ],
    ids=str,
)
def test_this_machines_own_are_not(method: str, target: str, header: dict[str, str]) -> None:
    assert not is_refused(method, target, **header)
