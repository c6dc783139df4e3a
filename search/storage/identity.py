"""The identity of a study's files: the study's identifier, the trial's number and a hash of its parameters."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.storage.attributes import IDENTIFIER

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

MARK = r"(?P<study>[0-9a-f]{32})-(?P<parameters>[0-9a-f]{16})"
_MARK = re.compile(MARK)
CALL_NOTES = ("call.json", "ended.json")  # files of `search.execution.usercalls`, which alone reads and removes them


def new_identifier() -> str:
    """Return an identifier that no other study has."""
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Identity:
    """The identity that a study's files carry.

    A study that was deleted and begun anew has another identifier. A storage that was put back from a backup may have
    other parameters for a trial of the same number.

    Parameters
    ----------
    study : str
        The study's identifier, 32 hexadecimal digits.
    """

    study: str

    @classmethod
    def of(cls, study: optuna.Study) -> Identity:
        """Return that of a study which `begin` has opened."""
        return cls(study.user_attrs[IDENTIFIER])

    def mark(self, trial: Trial | FrozenTrial) -> str:
        """Return the part of a file's name that says whose it is."""
        return f"{self.study}-{parameter_hash(trial)}"

    def owns(self, mark: str) -> bool:
        """Return whether a mark has this study's identifier."""
        found = _MARK.fullmatch(mark)
        return found is not None and found["study"] == self.study

    def find(self, mark: str, number: int, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        """Return the trial that a mark belongs to; None if it is another study's, or has other parameters by now."""
        if not self.owns(mark) or number >= len(trials) or mark != self.mark(trials[number]):
            return None
        return trials[number]


def parameter_hash(trial: Trial | FrozenTrial) -> str:
    """Return sixteen hexadecimal digits that change with the trial's parameters.

    They are the same for a trial that runs and for the same trial read from its storage, where 1 has become 1.0.
    """
    spaces = trial.distributions
    values = {name: float(spaces[name].to_internal_repr(value)) for name, value in trial.params.items()}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
