"""How are documents posted, so many in flight at once, and how long does it take until all are answered?"""

from __future__ import annotations

import http.client
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.documents import Document

ANSWER_SECONDS = 900.0
_BOUNDARY = "a-boundary-that-no-document-holds"


@dataclass(frozen=True)
class Post:
    """One request."""

    path: str
    body: bytes
    headers: Mapping[str, str]


def container_posts(documents: Sequence[Document]) -> list[Post]:
    """As the platform posts them; every page is read, whatever text it carries."""
    return [
        Post(
            "/invocations",
            document.path.read_bytes(),
            {
                "Content-Type": document.media_type,
                "X-Amzn-SageMaker-Inference-Id": str(uuid.uuid4()),
                "X-Amzn-SageMaker-Custom-Attributes": "text=ocr;strict=true",
            },
        )
        for document in documents
    ]


def form_post(document: Document) -> Post:
    """As LitServe takes a file: in the field `document` of a form."""
    field = f'name="document"; filename="{document.path.name}"'
    head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {field}\r\n\r\n"
    body = head.encode() + document.path.read_bytes() + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return Post("/predict", body, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"})


class PostFailed(Exception):
    """Any other answer than 200."""


def post_all(port: int, posts: Sequence[Post], in_flight: int) -> float:
    """Seconds until the last answer. Each of `in_flight` callers keeps its connection where the server does,
    and sends its next document when it has the answer to its last. Raises PostFailed."""
    shared = _Shared(iter(posts))
    began = time.perf_counter()
    with ThreadPoolExecutor(in_flight) as pool:
        for caller in [pool.submit(_call, port, shared) for _ in range(in_flight)]:
            caller.result()
    return time.perf_counter() - began


class _Shared:
    """Posts that several callers take from."""

    def __init__(self, posts: Iterator[Post]) -> None:
        self._posts = posts
        self._lock = threading.Lock()

    def next(self) -> Post | None:
        with self._lock:
            return next(self._posts, None)


def _call(port: int, shared: _Shared) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        while (post := shared.next()) is not None:
            connection.request("POST", post.path, post.body, dict(post.headers))
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise PostFailed(f"{post.path} answered {answer.status}: {body[:300]!r}")
    finally:
        connection.close()
