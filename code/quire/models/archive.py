"""A model folder as the `model.tar.gz` that SageMaker unpacks to /opt/ml/model: same folder, same bytes."""

from __future__ import annotations

import gzip
import os
import tarfile
import tempfile
from pathlib import Path

from quire.models.model_folder import MANIFEST_NAME, Manifest

_COMPRESSION_LEVEL = 6


def write_archive(folder: Path, manifest: Manifest, archive: Path) -> None:
    """Writes the manifest and the files that it lists, at the archive's root. Replaces `archive` whole."""
    paths = sorted([MANIFEST_NAME, *(listed.path for listed in manifest.files)])
    archive.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(prefix=f".{archive.name}.", dir=archive.parent)
    try:
        # No file name and no time in the gzip header: the archive depends on the model alone.
        with (
            os.fdopen(descriptor, "wb") as raw,
            gzip.GzipFile("", "wb", _COMPRESSION_LEVEL, raw, mtime=0) as stream,
        ):
            _write_tar(stream, folder, paths)
        Path(partial).chmod(0o644)
        Path(partial).replace(archive)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _write_tar(stream: gzip.GzipFile, folder: Path, paths: list[str]) -> None:
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in paths:
            entry = tarfile.TarInfo(path)
            entry.size = (folder / path).stat().st_size
            entry.mode = 0o644
            with (folder / path).open("rb") as content:
                tar.addfile(entry, content)
