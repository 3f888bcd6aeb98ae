import logging
import threading
from collections import deque
from typing import Any

class HTTPRequestParser:
    body_rcv: object | None
    expect_continue: bool
    def parse_header(self, header_plus: bytes) -> None: ...
    def close(self) -> None: ...

class WSGITask:
    def build_response_header(self) -> bytes: ...

class HTTPChannel:
    parser_class: type[HTTPRequestParser]
    task_class: type[WSGITask]
    sendbuf_len: int
    request: HTTPRequestParser | None
    def __init__(self, *args: Any, **options: Any) -> None: ...
    def handle_close(self) -> None: ...

class ThreadedTaskDispatcher:
    active_count: int
    lock: threading.Lock
    logger: logging.Logger
    queue: deque[Any]
    queue_logger: logging.Logger
    threads: set[int]
    def add_task(self, task: Any) -> None: ...
    def set_thread_count(self, count: int) -> None: ...
    def shutdown(self, cancel_pending: bool = ..., timeout: float = ...) -> bool: ...
