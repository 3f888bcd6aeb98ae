"""Where multi-model-server's workers and the program that owns them find each other: one directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from quire.words.errors import writable
from quire.words.settings import Settings

PLACE_VARIABLE = "FRONT_END_MMS_PLACE"

_WORKER = "worker-"
_LOADED = "loaded"


class MmsOrders(msgspec.Struct, frozen=True, kw_only=True):
    """What every worker must know. The settings travel whole: the toolkit's own variables, which it reads in
    other units than ours, are not read twice. `gpus` are names of CUDA_VISIBLE_DEVICES to share out among
    workers with a model of their own."""

    settings: Settings
    engine_address: Path
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class MmsPlace:
    """The names in it. It is also the temporary directory of Java and of everything below it."""

    directory: Path

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> MmsPlace:
        return cls(Path(environ[PLACE_VARIABLE]))

    @property
    def server_pid(self) -> Path:
        return self.directory / "server.pid"

    @property
    def config(self) -> Path:
        return self.directory / "mms.properties"

    @property
    def base_config(self) -> Path:
        return self.directory / "base.properties"

    @property
    def management_address(self) -> Path:
        return self.directory / "manage"

    @property
    def no_model(self) -> Path:
        """An empty directory: multi-model-server moves and deletes files of a model that looks old to it."""
        return self.directory / "no-model"

    def give(self, orders: MmsOrders) -> None:
        (self.directory / "orders.json").write_bytes(msgspec.json.encode(orders, enc_hook=str))

    def orders(self) -> MmsOrders:
        written = (self.directory / "orders.json").read_bytes()
        return msgspec.json.decode(written, type=MmsOrders, dec_hook=lambda kind, text: kind(text))

    def refuse(self, reason: str) -> None:
        """A worker says why it could not load the handler."""
        _write_whole(self.directory / "refusal", writable(reason))

    def take_refusal(self) -> str | None:
        """The last one, once."""
        reason = _read(self.directory / "refusal")
        (self.directory / "refusal").unlink(missing_ok=True)
        return reason

    def say_server(self) -> None:
        """This process is about to become the server."""
        _write_whole(self.server_pid, str(os.getpid()))

    def say_nursery(self) -> None:
        """This process is the one that workers are forked from."""
        _write_whole(self.directory / "nursery.pid", str(os.getpid()))

    def nursery_pid(self) -> int | None:
        """None until there is one."""
        written = _read(self.directory / "nursery.pid")
        return None if written is None else int(written)

    def say_loaded(self) -> None:
        """This worker has its handler."""
        (self.scratch_of(os.getpid()) / _LOADED).touch()

    def loaded_pids(self) -> list[int]:
        """Dead workers' too."""
        return [pid for pid, folder in self.scratches().items() if (folder / _LOADED).exists()]

    def scratch_of(self, pid: int) -> Path:
        return self.directory / f"{_WORKER}{pid}"

    def scratches(self) -> dict[int, Path]:
        """Each worker's by its pid, dead ones' too."""
        return {int(path.name.removeprefix(_WORKER)): path for path in self.directory.glob(f"{_WORKER}*")}


def _write_whole(path: Path, text: str) -> None:
    """Whoever reads it finds all of it or nothing."""
    waiting = path.with_name(f"{path.name}.{os.getpid()}")
    waiting.write_text(text, encoding="utf-8")
    waiting.rename(path)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
