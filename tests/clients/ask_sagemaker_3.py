"""Run by a Python that has sagemaker-core, of the SageMaker SDK v3: finds an endpoint and invokes it.

    python ask_sagemaker_3.py ENDPOINT INPUT_LOCATION

Prints one line of JSON."""

from __future__ import annotations

import json
import sys

from sagemaker.core.resources import Endpoint


def main(endpoint_name: str, input_location: str) -> None:
    endpoint = Endpoint.get(endpoint_name)
    answer = endpoint.invoke_async(
        input_location, content_type="application/json", inference_id="core-1", request_ttl_seconds=600
    )
    told = {
        "status": endpoint.endpoint_status,
        "names": [one.endpoint_name for one in Endpoint.get_all(name_contains=endpoint_name)],
        "inference_id": answer.inference_id,
        "output": answer.output_location,
        "failure": answer.failure_location,
    }
    sys.stdout.write(f"{json.dumps(told)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
