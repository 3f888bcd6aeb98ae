"""gunicorn's own settings. gunicorn reads the names of this module; nothing else imports it."""

from __future__ import annotations

import os
import resource
from typing import Any

from quire.engine.parent_death import die_with_parent
from quire.process.child_programs import CODE, LISTENER_FD, PARENT_PID_VARIABLE, RUN_DIRECTORY_VARIABLE
from quire.words.settings import Settings

die_with_parent(int(os.environ[PARENT_PID_VARIABLE]))

_settings = Settings.from_environ(os.environ)

_MAX_CONNECTIONS = 8192


def _raise_descriptor_limit() -> int:
    """As many descriptors as the container may have; two for each connection at the most."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * _MAX_CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, 4 * _MAX_CONNECTIONS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return min(_MAX_CONNECTIONS, wanted // 2)


bind = f"fd://{LISTENER_FD}"
chdir = str(CODE)
workers = 1
worker_class = "quire.process.front_end_worker.FrontEndWorker"
threads = _settings.max_threads
worker_connections = max(_raise_descriptor_limit(), threads + 1)
worker_tmp_dir = os.environ[RUN_DIRECTORY_VARIABLE]
preload_app = False
timeout = 120
graceful_timeout = 2
keepalive = 75
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
accesslog = None
control_socket_disable = True
loglevel = _settings.log_level
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "quire.words.json_lines.JsonLines", "process": "front end"}},
    "handlers": {
        "stdout": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stdout"}
    },
    "root": {"level": loglevel.upper(), "handlers": ["stdout"]},
    "loggers": {
        "gunicorn.error": {"level": loglevel.upper(), "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}


def post_fork(server: Any, worker: Any) -> None:
    """The mark does not survive a fork."""
    die_with_parent(server.pid)
