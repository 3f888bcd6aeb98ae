"""Which tags does an object carry?"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from quire_endpoint.local.s3.answer import Answer
from quire_endpoint.local.s3.call import S3Call
from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.local.s3.records import KeptObject
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.local.s3.versions import check_version
from quire_endpoint.local.s3.xml_text import Node, first_text, local_name, parsed

MAX_TAGS = 10


class Tagging:
    """GetObjectTagging, PutObjectTagging, DeleteObjectTagging."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def get(self, call: S3Call) -> Answer:
        check_version(call.version_id)
        pairs = parse_qsl(self._store.get(call.location).tags, keep_blank_values=True)
        nodes = [Node("Tag", [Node("Key", name), Node("Value", value)]) for name, value in pairs]
        return Answer.xml(Node("Tagging", [Node("TagSet", nodes)]))

    def put(self, call: S3Call) -> Answer:
        elements = [one for one in parsed(call.document()).iter() if local_name(one) == "Tag"]
        if len(elements) > MAX_TAGS:
            raise S3Error("InvalidArgument", f"Object tags cannot be greater than {MAX_TAGS}")
        pairs = [(first_text(one, "Key"), first_text(one, "Value")) for one in elements]
        return self._set(call, urlencode(pairs), 200)

    def delete(self, call: S3Call) -> Answer:
        return self._set(call, "", 204)

    def _set(self, call: S3Call, tags: str, status: int) -> Answer:
        def tagged(kept: KeptObject) -> KeptObject:
            return replace(kept, tags=tags)

        check_version(call.version_id)
        self._store.change(call.location, tagged)
        return Answer(status)
