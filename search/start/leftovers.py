"""Files that an earlier start has left beside a study: the removal of known ones, and a message about others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from search.storage.attributes import RESULT
from search.storage.checkpoints import NAME as STATE
from search.storage.checkpoints import States
from search.storage.identity import CALL_NOTES, Identity
from search.storage.pending import LARGEST
from search.storage.pending import NAME as UNTOLD

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from search.spec.spec import Plan

OLD_STATE = re.compile(r"(\d{1,12})\.(\d{1,6})\.rung")
OLD_UNTOLD = re.compile(r"result-(\d{1,12})\.json")
NAMED = 3  # files that one sentence names


def settle(
    plan: Plan, study: optuna.Study, states: States, trials: Sequence[FrozenTrial], say: Callable[[str], None]
) -> None:
    """Put the files beside a study in order, before its trials are taken up.

    Files of the old layout have no mark, and nothing in them says of which data they are. They are left alone, but for
    results that the study has stored already.

    Parameters
    ----------
    plan : Plan
        What is searched.
    study : optuna.Study
        Where it is kept; this process owns it.
    states : States
        Of the trials under way.
    trials : sequence of FrozenTrial
        All of the study.
    say : callable
        Told once of all files that are left alone, since they are not known to belong to the study.
    """
    old = plan.location.old_folder(plan.name)
    _remove_stored(old, trials)
    states.sweep(trials, {trial.number for trial in trials if trial.state.name == "RUNNING"})
    if left := [*_unknown(states.folder, Identity.of(study), trials), *_old_files(old)]:
        more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
        say(
            f"Files beside {plan.name!r} that are not known to belong to its trials are left alone: "
            f"{', '.join(map(str, left[:NAMED]))}{more}. Remove them if no other study needs them."
        )


def _unknown(folder: Path, identity: Identity, trials: Sequence[FrozenTrial]) -> list[Path]:
    """States and results in the study's folder that belong to none of its trials."""
    left = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        found = STATE.fullmatch(path.name) or UNTOLD.fullmatch(path.name)
        known = found is not None and identity.find(found["mark"], int(found["number"]), trials) is not None
        if path.suffix in (".rung", ".json") and path.name not in CALL_NOTES and not known:
            left.append(path)
    return left


def _remove_stored(old: Path, trials: Sequence[FrozenTrial]) -> None:
    """Remove results of the old layout that the study has stored."""
    for path in _old_files(old):
        found = OLD_UNTOLD.fullmatch(path.name)
        if found is not None and int(found[1]) < len(trials) and _is_stored(trials[int(found[1])], path):
            path.unlink(missing_ok=True)
    with suppress(OSError):  # there is something in it, or it is not there
        old.rmdir()


def _old_files(old: Path) -> list[Path]:
    files = sorted(old.iterdir()) if old.is_dir() else []
    return [path for path in files if OLD_STATE.fullmatch(path.name) or OLD_UNTOLD.fullmatch(path.name)]


def _is_stored(trial: FrozenTrial, path: Path) -> bool:
    """Whether the study has the very result that a file holds: it has no seed, so that nothing else is proof enough."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        if path.is_symlink() or path.stat().st_size > LARGEST:
            return False
        kept = json.loads(path.read_bytes())["data"].get(RESULT)
        return bool(kept) and kept == trial.user_attrs.get(RESULT)
    return False
