"""The pages under docs/ as the tests read them: sections, their code blocks, and the requests they show."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

Blocks = dict[str, list[str]]


def section(text: str, heading: str) -> str:
    """What stands below `heading`, such as `## Options`, up to the next of its level."""
    level = heading.partition(" ")[0]
    found = re.search(rf"^{re.escape(heading)}[^\n]*\n(.*?)(?=^{level} |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"there is no section {heading!r}"
    return found[1]


def docs_page(repository: Path, name: str) -> str:
    return (repository / "docs" / name).read_text(encoding="utf-8")


def blocks_of(text: str) -> Blocks:
    """The contents of its fenced blocks, by their languages, in order."""
    blocks: Blocks = {}
    for language, content in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        blocks.setdefault(language, []).append(content)
    return blocks


def block(text: str, language: str) -> str:
    """The only one in that language."""
    (found,) = blocks_of(text)[language]
    return found


def answer_to(repository: Path, request: str, port: int) -> Any:
    """The answer, in JSON, of a container at `port` to a request that the page shows."""
    command = request.replace("localhost:8080", f"127.0.0.1:{port}")
    done = subprocess.run(
        ["bash", "-ec", command], cwd=repository, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)
