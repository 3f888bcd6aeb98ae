"""Which metrics does an invocation leave in CloudWatch, under which names and units?

The Developer Guide, page "async-inference-monitor", has the list. That a call without an answer is counted as
a 5xx, and that every failure counts as processed, is assumed."""

from __future__ import annotations

from quire_endpoint.local.ports import Metrics

COUNT, NO_UNIT, MICROSECONDS, MILLISECONDS = "Count", "None", "Microseconds", "Milliseconds"


class Measures:
    """Of one variant. Durations are given in seconds of the clock."""

    def __init__(self, metrics: Metrics, endpoint_name: str, variant_name: str) -> None:
        self._metrics = metrics
        self._endpoint_name = endpoint_name
        self._variant_name = variant_name

    def waited(self, seconds: float) -> None:
        self._put("TimeInBacklog", seconds * 1e3, MILLISECONDS)

    def expired(self) -> None:
        self._put("ExpiredRequests", 1, COUNT)

    def downloaded(self, seconds: float) -> None:
        self._put("RequestDownloadLatency", seconds * 1e6, MICROSECONDS)

    def download_failed(self) -> None:
        self._put("RequestDownloadFailures", 1, COUNT)

    def responded(self, seconds: float, status: int) -> None:
        """`status` 0 where no answer came that counts."""
        self._put("ModelLatency", seconds * 1e6, MICROSECONDS)
        self._put("Invocation4XXErrors", int(400 <= status < 500), NO_UNIT)
        self._put("Invocation5XXErrors", int(status == 0 or status >= 500), NO_UNIT)

    def uploaded(self, seconds: float) -> None:
        self._put("ResponseUploadLatency", seconds * 1e6, MICROSECONDS)

    def upload_failed(self) -> None:
        self._put("ResponseUploadFailures", 1, COUNT)

    def notification_failed(self) -> None:
        self._put("NotificationFailures", 1, COUNT)

    def processed(self, seconds: float, *, is_failed: bool) -> None:
        """From its acceptance to its end; the first name is spelt as AWS spells it."""
        self._put("InvocationsProcesssed", 1, COUNT)
        self._put("TotalProcessingTime", seconds * 1e3, MILLISECONDS)
        if is_failed:
            self._put("InvocationFailures", 1, COUNT)

    def _put(self, name: str, value: float, unit: str) -> None:
        self._metrics.put(name, value, unit, self._endpoint_name, self._variant_name)
