"""Documents are posted once each, with so many in flight and no more; other answers than 200 are told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.loads import Post, PostFailed, post_all


class Counting(ThreadingHTTPServer):
    """Answers when `together` requests are in it at once, or none have joined for a while."""

    def __init__(self, together: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.barrier = threading.Barrier(together)
        self.lock = threading.Lock()
        self.inside = self.most_inside = 0
        self.bodies: list[bytes] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Counting

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.bodies.append(body)
            self.server.inside += 1
            self.server.most_inside = max(self.server.most_inside, self.server.inside)
        self.server.barrier.wait(30)
        with self.server.lock:
            self.server.inside -= 1
        self.send_response(500 if body == b"bad" else 200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Counting]:
    with Counting(request.param) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving
        serving.shutdown()


@pytest.mark.parametrize("server", [3], indirect=True)
def test_each_document_is_posted_once_with_so_many_in_flight(server: Counting) -> None:
    posts = [Post("/", str(number).encode(), {}) for number in range(9)]
    assert post_all(server.server_port, posts, in_flight=3) > 0
    assert sorted(server.bodies) == sorted(post.body for post in posts)
    assert server.most_inside == 3


@pytest.mark.parametrize("server", [1], indirect=True)
def test_other_answer_than_200_is_told(server: Counting) -> None:
    with pytest.raises(PostFailed, match=r"/x answered 500: b'hello'"):
        post_all(server.server_port, [Post("/x", b"bad", {})], in_flight=1)
