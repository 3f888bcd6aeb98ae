"""README as the tests read it: its tables and its shell blocks."""

from __future__ import annotations

import re
from pathlib import Path


def table_rows(repository: Path, name: str) -> list[list[str]]:
    """Cells of the generated table `name`, without its heading."""
    text = (repository / "README.md").read_text(encoding="utf-8")
    table = text.split(f"<!-- {name}: ")[1].split(f"<!-- end of {name} -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def shell_blocks(repository: Path) -> list[str]:
    """The ```console blocks, in order."""
    text = (repository / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
