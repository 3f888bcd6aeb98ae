"""A whole container for SageMaker: any program that answers /ping and /invocations is one.

quire local up --serve examples/flask_container.py"""

import os

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.get("/ping")
def ping() -> Response:
    return Response(status=200)


@app.post("/invocations")
def invocations() -> Response:
    text = request.get_data(as_text=True)
    return jsonify(words=len(text.split()), letters=sum(map(str.isalpha, text)))


if __name__ == "__main__":  # started as `flask_container.py serve`, by `docker run IMAGE serve` on SageMaker
    app.run(os.environ.get("QUIRE_BIND_HOST", "0.0.0.0"), int(os.environ.get("SAGEMAKER_BIND_TO_PORT", 8080)))
