"""LitServe around our model, with its own dynamic batching: requests of several callers in one batch, all
their pages read together. A program of its own: `python -m bench.peers.litserve_container --port ...`."""

# Without `from __future__ import annotations`: LitServe looks at the class of decode_request's argument.

import argparse
from typing import Any

import litserve
from fastapi import Request, Response

from bench.peers.whole_documents import WholeDocuments
from quire.engine.parent_death import die_with_parent

FIELD = "document"


class ReadDocuments(litserve.LitAPI):  # type: ignore[misc]  # litserve's types are not complete
    """The six steps, in LitServe's order."""

    def setup(self, device: Any) -> None:
        self._documents = WholeDocuments()

    def decode_request(self, request: Request) -> bytes:
        """LitServe takes JSON or forms; a form needs no base64."""
        body: bytes = request[FIELD].file.read()
        return body

    def batch(self, inputs: list[bytes]) -> list[bytes]:
        return inputs

    def predict(self, x: Any) -> Any:
        """A list of bodies with batching, one body without."""
        return self._documents.read(x) if isinstance(x, list) else self._documents.read([x])[0]

    def unbatch(self, output: list[bytes]) -> list[bytes]:
        return output

    def encode_response(self, output: bytes) -> Response:
        return Response(output, media_type="application/json")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--accelerator", required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--max-batch-size", type=int, required=True)
    parser.add_argument("--batch-timeout", type=float, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    given = parser.parse_args()
    die_with_parent(given.parent_pid)
    server = litserve.LitServer(
        ReadDocuments(max_batch_size=given.max_batch_size, batch_timeout=given.batch_timeout),
        accelerator=given.accelerator,
        devices=1,
        workers_per_device=given.workers,
        timeout=False,
        fast_queue=True,
    )
    server.run(
        host="127.0.0.1", port=given.port, log_level="warning", pretty_logs=False, generate_client_file=False
    )


if __name__ == "__main__":
    main()
