"""Would the container serve this model folder? For `quire pack`, before anything is sent anywhere. Free of
torch; run as `python -m quire.models.check_folder DIR`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from quire.models.model_choice import choose_model
from quire.models.model_folder import ModelFolderError
from quire.words.settings import Settings

EXIT_REFUSED = 3
"""Not 1, which a program that breaks ends with. `quire pack` knows it."""


def complaint_about(folder: Path) -> str | None:
    """What the container would say at start; None where it would serve."""
    with tempfile.TemporaryDirectory() as base:
        linked = Path(base) / "model"
        linked.symlink_to(folder.absolute())
        try:
            choose_model(Settings.from_environ({"SAGEMAKER_BASE_DIR": base}))
        except ModelFolderError as error:
            return str(error).replace(str(linked), str(folder))
    return None


def main() -> int:
    complaint = complaint_about(Path(sys.argv[1]))
    if complaint is None:
        return 0
    sys.stdout.write(complaint)
    return EXIT_REFUSED


if __name__ == "__main__":
    sys.exit(main())
