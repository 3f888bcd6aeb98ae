"""What was answered to who completed a multipart upload, for a client that did not hear it and asks again?"""

from __future__ import annotations

import threading
from collections import OrderedDict

from quire_endpoint.local.s3.answer import Answer
from quire_endpoint.s3_location import S3Location

UPLOADS_KEPT = 1000
"""The latest. AWS does not say how long it knows an upload after its end."""


class CompletedUploads:
    """Threads may call at once."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[S3Location, str], Answer] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, location: S3Location, upload_id: str, answer: Answer) -> None:
        with self._lock:
            self._answers[location, upload_id] = answer
            if len(self._answers) > UPLOADS_KEPT:
                self._answers.popitem(last=False)

    def answer(self, location: S3Location, upload_id: str) -> Answer | None:
        with self._lock:
            return self._answers.get((location, upload_id))
