"""A folder of documents through an async endpoint, and the answers beside one another in another folder.

    python examples/batch.py ENDPOINT DOCUMENTS ANSWERS --input s3://bucket/prefix

Kill it and start it again: nothing is submitted twice, nothing is forgotten."""

from __future__ import annotations

import argparse
from pathlib import Path

from quire_endpoint.client import AsyncEndpointClient, Document, Partial, Request, Succeeded


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("endpoint")
    parser.add_argument("documents", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--input", metavar="s3://BUCKET/PREFIX")
    given = parser.parse_args()
    given.answers.mkdir(parents=True, exist_ok=True)
    folder, answers = given.documents.resolve(), given.answers.resolve()
    files = sorted(path for path in folder.rglob("*") if path.is_file() and answers not in path.parents)
    documents = [Document(path, str(path.relative_to(folder))) for path in files]
    request = Request(ttl_seconds=21600, timeout_seconds=900, options={"text": "auto"})
    ledger = given.answers / "batch.ledger"
    num_bad = 0
    with AsyncEndpointClient(given.endpoint, input_prefix=given.input, ledger=ledger) as client:
        for outcome in client.submit_many(documents, request):
            if isinstance(outcome, Succeeded | Partial):
                answer = answers / f"{outcome.reference}.json"
                answer.parent.mkdir(parents=True, exist_ok=True)
                client.download(outcome, answer)
            if not isinstance(outcome, Succeeded):
                num_bad += 1
                print(f"{type(outcome).__name__}: {outcome}")
    print(f"{len(files)} documents, {num_bad} not read in full")


if __name__ == "__main__":
    main()
