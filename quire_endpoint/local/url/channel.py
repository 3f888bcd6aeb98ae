"""Where does waitress's own reading and writing of HTTP not do for S3?"""

from __future__ import annotations

import re
from typing import Any

from quire_endpoint.local.url.waitress_parts import HTTPChannel, HTTPRequestParser, WSGITask

UNDERSCORE = b"~5F"
"""What stands for one in the name of user metadata, on its way in. WSGI writes a dash as an underscore, and
so servers drop names that have underscores; S3 tells x-amz-meta-a_b from x-amz-meta-a-b."""

SEND_BYTES = 256 * 1024
"""Read from a file at once. Waitress would read as much as the socket's buffer holds: on Linux ten times
that, for each connection."""

_NAME = re.compile(rb"^x-amz-meta-[^:\r\n]*", re.IGNORECASE | re.MULTILINE)


class _Parser(HTTPRequestParser):
    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(_NAME.sub(lambda name: name[0].replace(b"_", UNDERSCORE), header_plus))
        if self.body_rcv is None:
            # Waitress would wait for ever for a body of no bytes once it has told it to come.
            self.expect_continue = False


class _Task(WSGITask):
    def build_response_header(self) -> bytes:
        """Waitress capitalizes every name; boto3 hands those of metadata to its caller as they came."""
        return _NAME.sub(lambda name: name[0].lower(), super().build_response_header())


class Channel(HTTPChannel):
    """A connection."""

    parser_class = _Parser
    task_class = _Task

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sendbuf_len = min(self.sendbuf_len, SEND_BYTES)

    def handle_close(self) -> None:
        """The file of a body that was cut off half-way is closed with its connection."""
        super().handle_close()
        if self.request is not None:
            self.request.close()
