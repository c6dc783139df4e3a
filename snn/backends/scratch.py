"""Temporary folders of runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snn.errors import MachineError


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for a run's files, gone afterwards."""
    try:
        place = tempfile.TemporaryDirectory(prefix="snnsearch-", ignore_cleanup_errors=True)
    except OSError as error:
        raise MachineError(
            f"There is no folder for a run's files: {error.strerror or error}; free some space in the folder for "
            "temporary files, or set TMPDIR to another one."
        ) from error
    with place as folder:
        yield Path(folder)
