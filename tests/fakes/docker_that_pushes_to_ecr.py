"""A docker that builds nothing: it notes how it was called, and what it pushes appears in the registry.

A program: put it on PATH as `docker`. DOCKER_CALLS names the file for its notes, a JSON line a call."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import boto3

MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "size": 2,
        "digest": "sha256:0",
    },
    "layers": [],
}


def note(arguments: list[str]) -> None:
    """What is read from stdin is noted for a login alone; a build inherits the caller's."""
    stdin = sys.stdin.read() if arguments[0] == "login" else ""
    told = {
        "arguments": arguments,
        "stdin": stdin,
        "attestations": os.environ.get("BUILDX_NO_DEFAULT_ATTESTATIONS"),
    }
    with Path(os.environ["DOCKER_CALLS"]).open("a") as notes:
        notes.write(json.dumps(told) + "\n")


def push(image: str) -> None:
    registry, _, named = image.partition("/")
    repository, _, tag = named.partition(":")
    boto3.client("ecr").put_image(
        registryId=registry.partition(".")[0],
        repositoryName=repository,
        imageManifest=json.dumps({**MANIFEST, "annotations": {"tag": tag}}),
        imageTag=tag,
    )


def main(arguments: list[str]) -> None:
    note(arguments)
    if arguments[0] != "info":
        print("docker talks on stdout, which must not reach the script's")
    if arguments[0] == "push":
        push(arguments[1])


if __name__ == "__main__":
    main(sys.argv[1:])
