"""Which service is a call for, if it may come at all?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from quire_endpoint.local.url.strangers import refusal

PAGES = "/_quire"
"""No bucket's name: those have no underscore."""

_SCOPE = re.compile(r"[^/,\s]+/\d{8}/(?:[^/,]*/)?(?P<service>[^/,]+)/aws4_request")
_INVOCATION = re.compile(r"/endpoints/[^/]+/(async-)?invocations")
_MOTO_PATHS = ("/moto-api", "/latest/meta-data", "/latest/api")


class Router:
    """The four applications behind one URL: what is signed goes by the service of its signature; what is not,
    by its look. Signatures are not verified. Pages of other sites are refused by 403, whatever they ask."""

    def __init__(
        self, s3: WSGIApplication, sagemaker: WSGIApplication, moto: WSGIApplication, pages: WSGIApplication
    ) -> None:
        self._s3, self._sagemaker, self._moto, self._pages = s3, sagemaker, moto, pages

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if _is_a_visit(environ):
            start_response("302 Found", [("Location", f"{PAGES}/"), ("Content-Length", "0")])
            return []
        application = self._application(environ)
        is_reading = application is not self._moto and environ["REQUEST_METHOD"] in ("GET", "HEAD")
        if (refused := refusal(environ, is_reading=is_reading)) is not None:
            return _refuse(refused, start_response)
        return application(environ, start_response)

    def _application(self, environ: WSGIEnvironment) -> WSGIApplication:
        path = environ.get("PATH_INFO", "")
        if path == PAGES or path.startswith(f"{PAGES}/"):
            return self._pages
        service = service_of(environ)
        if service == "sagemaker":
            return self._sagemaker
        return self._s3 if service in ("s3", "s3express") else self._moto


def service_of(environ: WSGIEnvironment) -> str:
    """The signing name, such as s3 or sqs; empty where only moto could tell."""
    query = parse_qs(environ.get("QUERY_STRING", ""))
    signature = environ.get("HTTP_AUTHORIZATION") or query.get("X-Amz-Credential", [""])[0]
    if found := _SCOPE.search(signature):
        return found["service"].lower()
    target, path = environ.get("HTTP_X_AMZ_TARGET", ""), environ.get("PATH_INFO", "")
    if target.startswith("SageMaker.") or _INVOCATION.fullmatch(path):
        return "sagemaker"
    is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    is_query_call = "Action" in query or (is_form and environ["REQUEST_METHOD"] == "POST")
    return "" if target or is_query_call or path.startswith(_MOTO_PATHS) else "s3"


def _is_a_visit(environ: WSGIEnvironment) -> bool:
    """A browser at the bare URL: S3's list of buckets is always signed."""
    is_bare = environ.get("PATH_INFO") == "/" and not environ.get("QUERY_STRING")
    return is_bare and environ["REQUEST_METHOD"] == "GET" and "HTTP_AUTHORIZATION" not in environ


def _refuse(message: str, start_response: StartResponse) -> list[bytes]:
    body = json.dumps({"error": message}).encode()
    start_response(
        "403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]
