"""Whether a process is the one that is meant: a later one may have the same number."""

from __future__ import annotations

from pathlib import Path


def started(pid: int) -> int | None:
    """When a process of this machine started, in the kernel's ticks; None if it is gone, or only its exit status is."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
