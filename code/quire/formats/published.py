"""What does the published JSON Schema of an answer say?"""

from __future__ import annotations

import msgspec

from quire.formats.answers import DocumentAnswer, PageAnswer

PUBLISHED_ANSWERS = {"quire.document-1.json": DocumentAnswer, "quire.page-1.json": PageAnswer}
"""File name of the schema → the struct it describes."""


def schema_text(file_name: str) -> str:
    """The JSON Schema (draft 2020-12) as published. Every property is required: all are always written,
    and readers must allow for properties that a later revision adds."""
    answer = PUBLISHED_ANSWERS[file_name]
    (body,), definitions = msgspec.json.schema_components([answer], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        definition["description"] = " ".join(definition["description"].split())
        if "properties" in definition:
            definition["required"] = list(definition["properties"])
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": file_name.removesuffix(".json"),
        **body,
        "$defs": definitions,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
