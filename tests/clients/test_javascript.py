"""The AWS SDK for JavaScript v3: put, invoke, poll both returned locations."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.clients.conftest import Served


def answer(javascript: Path, served: Served, request: object) -> Any:
    done = subprocess.run(
        ["node", "invoke.mjs", served.bucket, served.endpoint_name, json.dumps(request)],
        cwd=javascript,
        env=served.environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_success_comes_at_the_output_location(javascript: Path, served: Served) -> None:
    told = answer(javascript, served, {"do": {"seconds": 0.5, "text": "été", "content_type": "text/plain"}})
    assert told.pop("id").startswith("js-")
    assert told == {"status": 202, "name": "output", "type": "text/plain", "text": "été"}


def test_failure_comes_at_the_failure_location(javascript: Path, served: Served) -> None:
    told = answer(javascript, served, {"do": {"status": 422, "text": '{"error": "no"}'}})
    assert (told["status"], told["name"], told["text"]) == (202, "failure", '{"error": "no"}')
