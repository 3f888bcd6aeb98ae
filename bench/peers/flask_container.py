"""The classic container: gunicorn's sync workers around a Flask app, each with the model to itself and one
document at a time, all its pages in common batches. `gunicorn -k sync -w N bench.peers.flask_container:app`.

READY_DIR names a folder in which each worker that has its model warm leaves a file.
"""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, Response, request

from bench.peers.whole_documents import WholeDocuments

app = Flask(__name__)
_documents = WholeDocuments()
Path(os.environ["READY_DIR"], str(os.getpid())).touch()


@app.get("/ping")
def ping() -> Response:
    return Response(status=200)


@app.post("/invocations")
def invocations() -> Response:
    (text,) = _documents.read([request.get_data()])
    return Response(text, content_type="application/json")
