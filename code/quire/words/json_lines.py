"""How a log line is written: one JSON object a line, with the fields that its caller named."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec

_FIELDS = "quire_fields"
_MAX_MESSAGE_CHARACTERS = 2000
_MAX_TRACEBACK_CHARACTERS = 8000


class JsonLines(logging.Formatter):
    """`process` is the name of the process in the design: supervisor, front end, engine, device worker."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "pid": record.process,
            "event": record.getMessage()[:_MAX_MESSAGE_CHARACTERS],
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)[-_MAX_TRACEBACK_CHARACTERS:]
        try:
            return msgspec.json.encode(line, enc_hook=repr).decode()
        except UnicodeEncodeError:  # a lone surrogate, which json escapes
            return json.dumps(line, default=repr, separators=(",", ":"))


def log_line(
    logger: logging.Logger,
    level: int,
    event: str,
    *,
    exc_info: BaseException | bool | None = None,
    **fields: object,
) -> None:
    """Logs `event` with `fields` beside it; a field that is None is left out. Never pass text of a
    document, a password or a credential."""
    if logger.isEnabledFor(level):
        given = {name: value for name, value in fields.items() if value is not None}
        logger.log(level, "%s", event, exc_info=exc_info, extra={_FIELDS: given})


def configure_logging(process: str, level: str, stream: TextIO | None = None) -> None:
    """Sends every logger of this process to `stream` (default: stdout) as JSON lines. `level` as in
    QUIRE_LOG_LEVEL. Calling it again replaces what was configured before."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonLines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
