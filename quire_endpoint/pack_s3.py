"""How does a model folder go to S3 as it is, uncompressed, for ModelDataSource?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.pack_files import CannotPack, PackedFile, check_name

_LOCATION = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<key>.*))?")
PART_BYTES = 64 * 1024 * 1024
"""S3 takes 10,000 parts of an object: enough for 625 GiB."""

OnBytes = Callable[[int], None]


@dataclass(frozen=True)
class S3Prefix:
    """Where the files go. `key` ends with a slash, as ModelDataSource wants it."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> S3Prefix:
        """Raises CannotPack for what is no s3://bucket/prefix/; a slash at the end may be missing."""
        parsed = _LOCATION.fullmatch(text)
        key = (parsed["key"] or "").rstrip("/") if parsed else ""
        if parsed is None or not key:
            raise CannotPack(f"{text!r} is not written s3://bucket/prefix/")
        check_name(key)
        return cls(parsed["bucket"], f"{key}/")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def upload(
    files: Sequence[PackedFile], prefix: S3Prefix, on_bytes: OnBytes, part_bytes: int = PART_BYTES
) -> None:
    """Large files in parts, several parts at a time. Raises CannotPack where the prefix holds anything else:
    all of it would be part of the model."""
    for file in files:
        check_name(f"{prefix.key}{file.name}")
    try:
        client: Any = boto3.client("s3")
        _refuse_strangers(client, prefix, {f"{prefix.key}{file.name}" for file in files})
        transfer = TransferConfig(multipart_threshold=part_bytes, multipart_chunksize=part_bytes)
        for file in files:
            key = f"{prefix.key}{file.name}"
            client.upload_file(str(file.source), prefix.bucket, key, Config=transfer, Callback=on_bytes)
    except (BotoCoreError, ClientError, S3UploadFailedError) as error:
        raise CannotPack(f"{prefix}: {error}") from error


def _refuse_strangers(client: Any, prefix: S3Prefix, ours: set[str]) -> None:
    """What was left there by an upload of the same files is written over."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key)
    strangers = [
        found["Key"] for page in pages for found in page.get("Contents", ()) if found["Key"] not in ours
    ]
    if strangers:
        kind = (
            "a folder mark, which fails a deployment" if strangers[0].endswith("/") else "not of this model"
        )
        raise CannotPack(
            f"{prefix} holds {len(strangers)} other objects already, such as {strangers[0]}, {kind}: "
            "empty the prefix or name another"
        )
