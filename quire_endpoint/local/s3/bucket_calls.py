"""How are the calls of buckets answered, the listings of their objects apart?"""

from __future__ import annotations

from quire_endpoint.local.clock import as_text
from quire_endpoint.local.s3.answer import Answer
from quire_endpoint.local.s3.call import S3Call
from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.local.s3.notifications import Notifications
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.local.s3.xml_text import Node, first_text, parsed

OWNER = Node("Owner", [Node("ID", "0123456789abcdef" * 4)])

_UNSET = {
    "cors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "lifecycle": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "policy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "publicAccessBlock": (
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    ),
    "tagging": ("NoSuchTagSet", "The TagSet does not exist"),
    "website": ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
}


class BucketCalls:
    """Create, delete, list and describe buckets."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def list_all(self, call: S3Call) -> Answer:
        prefix = call.query.get("prefix", "")
        nodes = [
            Node("Bucket", [Node("Name", one.name), Node("CreationDate", as_text(one.created_seconds))])
            for one in self._store.buckets()
            if one.name.startswith(prefix)
        ]
        return Answer.xml(Node("ListAllMyBucketsResult", [OWNER, Node("Buckets", nodes)]))

    def create(self, call: S3Call) -> Answer:
        self._store.create_bucket(call.bucket, _region(call))
        return Answer(headers={"Location": f"/{call.bucket}"})

    def head(self, call: S3Call) -> Answer:
        region = self._store.bucket(call.bucket).region
        return Answer(headers={"Content-Type": "application/xml", "x-amz-bucket-region": region})

    def delete(self, call: S3Call) -> Answer:
        self._store.delete_bucket(call.bucket)
        return Answer(204)

    def location(self, call: S3Call) -> Answer:
        region = self._store.bucket(call.bucket).region
        return Answer.xml(Node("LocationConstraint", "" if region == "us-east-1" else region))

    def versioning(self, call: S3Call) -> Answer:
        """It was never switched on, and cannot be."""
        self._store.bucket(call.bucket)
        return Answer.xml(Node("VersioningConfiguration", []))

    def unset(self, call: S3Call) -> Answer:
        """What S3 says of a configuration that nobody has made: here nobody can."""
        self._store.bucket(call.bucket)
        code, message = _UNSET[call.subresource]
        raise S3Error(code, message, BucketName=call.bucket)

    def notifications(self, call: S3Call) -> Answer:
        nodes = self._store.bucket(call.bucket).notifications.nodes()
        return Answer.xml(Node("NotificationConfiguration", nodes))

    def set_notifications(self, call: S3Call) -> Answer:
        notifications = Notifications.read(parsed(call.document()))
        self._store.set_notifications(call.bucket, notifications)
        return Answer()


UNSET_SUBRESOURCES = tuple(_UNSET)


def _region(call: S3Call) -> str:
    """Of the bucket to create. A bucket elsewhere than in us-east-1 must be asked for, in its own region."""
    text = call.document()
    wanted = first_text(parsed(text), "LocationConstraint") if text.strip() else ""
    if wanted == "us-east-1":
        raise S3Error("InvalidLocationConstraint", "The specified location-constraint is not valid")
    if call.region not in ("us-east-1", "aws-global") and wanted != call.region:
        constraint = f"{wanted} location" if wanted else "unspecified location"
        message = (
            f"The {constraint} constraint is incompatible for the region specific endpoint "
            "this request was sent to."
        )
        raise S3Error("IllegalLocationConstraintException", message)
    return wanted or "us-east-1"
