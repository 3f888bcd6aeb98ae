"""Writes what is generated of the documentation: JSON Schemas, README's tables, the table of conformance.
`make docs`."""

from __future__ import annotations

from pathlib import Path

from quire.formats.published import PUBLISHED_ANSWERS, schema_text
from quire.words.errors import ANSWERABLE_ERRORS
from quire.words.settings import KNOBS
from quire_endpoint.conformance.table import page as conformance_page

ROOT = Path(__file__).parents[1]


def settings_table() -> str:
    rows = [
        f"| `{knob.variable}` | {_code(knob.default)} | {knob.bounds} | {knob.sentence} |"
        for knob in KNOBS.values()
    ]
    return "\n".join(["| variable | default | bounds | what it does |", "|---|---|---|---|", *rows])


def errors_table() -> str:
    rows = [
        f"| {error.status} | `{error.code}` | {'yes' if error.retryable else 'no'} | {_sentence(error)} |"
        for error in sorted(ANSWERABLE_ERRORS, key=lambda error: error.status)
    ]
    return "\n".join(["| status | code | retryable | meaning |", "|---|---|---|---|", *rows])


def with_tables(readme: str) -> str:
    """README with its generated parts as they should be."""
    for name, table in (("settings", settings_table()), ("errors", errors_table())):
        begin, end = f"<!-- {name}: written by `make docs` -->\n", f"<!-- end of {name} -->"
        if readme.count(begin) != 1 or readme.count(end) != 1:
            raise ValueError(f"README needs one place for the table of {name}, between {begin} and {end}")
        before, _, rest = readme.partition(begin)
        readme = f"{before}{begin}{table}\n{end}{rest.partition(end)[2]}"
    return readme


def _code(value: object) -> str:
    return f"`{value}`" if value != "" else ""


def _sentence(error: type[Exception]) -> str:
    return " ".join((error.__doc__ or "").split())


def main() -> None:
    for file_name in PUBLISHED_ANSWERS:
        (ROOT / "docs" / "schema" / file_name).write_text(schema_text(file_name), encoding="utf-8")
    (ROOT / "docs" / "conformance.md").write_text(conformance_page(), encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(with_tables(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
