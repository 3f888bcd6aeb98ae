"""Containers under both front ends, shared by the files of this room: one start of Java takes seconds."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bench.served import low_port
from tests.fakes.painted_pages import painted_page
from tests.fakes.running_container import ATTRIBUTES, Container, serving
from tests.fakes.running_engine import stub_folder
from tests.fakes.running_front_end import Answer, eventually, http_request

MAX_BODY_BYTES = 2_000_000
START_SECONDS = 60.0
"""For Java, torch and ten workers on a machine that is busy."""


@pytest.fixture(scope="session", autouse=True)
def model_server() -> None:
    """The tests of this room are skipped where Java is missing."""
    if shutil.which("java") is None:
        pytest.skip("multi-model-server needs Java: install openjdk-17-jre-headless")


@contextmanager
def short_folder() -> Iterator[Path]:
    """With a short path: multi-model-server makes Unix sockets far below it."""
    with tempfile.TemporaryDirectory(prefix="mms-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made


@dataclass(frozen=True)
class Served:
    """A warm container over the stub model, and how to ask it."""

    server: str
    container: Container

    @property
    def is_mms(self) -> bool:
        return self.server == "mms"

    def post(
        self,
        body: Any,
        content_type: str | None = "application/octet-stream",
        attributes: str = "",
        **headers: str,
    ) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if content_type is not None:
            named["Content-Type"] = content_type
        return http_request(
            self.container.port, "POST", "/invocations", body, {ATTRIBUTES: attributes, **named}
        )

    def post_many(self, bodies: list[bytes], attributes: list[str]) -> list[Future[Answer]]:
        """All at once."""
        pool = ThreadPoolExecutor(len(bodies))
        sent = [
            pool.submit(self.post, body, attributes=text)
            for body, text in zip(bodies, attributes, strict=True)
        ]
        pool.shutdown(wait=False)
        return sent

    def post_while_busy(self, bodies: list[bytes], attributes: list[str]) -> list[Answer]:
        """The first one is slow; the others come while it is on the device."""
        first = self.post_many(bodies[:1], attributes[:1])
        eventually(self.in_engine)
        sent = [*first, *self.post_many(bodies[1:], attributes[1:])]
        return [answer.result() for answer in sent]

    def shared_batches(self, prefix: str) -> list[set[str]]:
        """References that begin so, of each batch that held more than one of them."""
        named = [
            {name for name in batch["references"] if name and name.startswith(prefix)}
            for batch in self.events("batch")
        ]
        return [names for names in named if len(names) > 1]

    def in_hand(self) -> int:
        """Invocations whose body has arrived and whose answer is not made."""
        return sum(1 for _ in self.container.scratch.glob("quire-*/**/invocation-*"))

    def in_engine(self) -> int:
        """Documents that the engine has and has not answered: it writes their pages there."""
        return sum(1 for _ in self.container.scratch.glob("quire-*/**/pages-*"))

    def events(self, event: str) -> list[dict[str, Any]]:
        lines = (json.loads(line) for line in self.container.log.splitlines() if line[:1] == "{")
        return [line for line in lines if line["event"] == event]


@contextmanager
def serving_under(server: str, base: Path, **settings: str) -> Iterator[Container]:
    """Started, not warm. multi-model-server takes no port above 32766, where the kernel gives them out."""
    port = low_port()
    given = {"QUIRE_MODEL_SERVER": server, "SAGEMAKER_BIND_TO_PORT": str(port), **settings}
    with serving(base, **given) as container:
        yield replace(container, port=port)


def await_warm(container: Container) -> None:
    """multi-model-server listens when the engine is ready; until then a caller is refused, or cut off."""

    def is_warm() -> bool:
        try:
            return container.ping() == 200
        except OSError:
            return False

    until = time.monotonic() + START_SECONDS
    while not is_warm():
        assert time.monotonic() < until, container.log
        time.sleep(0.05)


@pytest.fixture(scope="session", params=["gunicorn", "mms"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Four documents at once; a marked page takes two seconds, in which others come on a busy machine too."""
    settings = {
        "QUIRE_MAX_BODY_BYTES": str(MAX_BODY_BYTES),
        "QUIRE_RENDER_WORKERS": "1",
        "QUIRE_DEVICE_WORKERS": "1",
    }
    with short_folder() as folder:
        base = stub_folder(folder, slow_seconds=2.0)
        with serving_under(request.param, base, **settings) as container:
            await_warm(container)
            yield Served(request.param, container)


@pytest.fixture(scope="session")
def page() -> bytes:
    """A document of one page."""
    return painted_page()
