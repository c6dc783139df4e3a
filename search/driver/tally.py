"""The ends of trials: each is written, shown and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.driver.failures import Failures
from search.driver.progress import Ended
from search.driver.session import Session

if TYPE_CHECKING:
    import optuna
    from optuna.trial import TrialState


class Tally:
    """Writes the ends of trials, and counts those that have ended.

    Parameters
    ----------
    session : Session
        The start of the search.
    keep_going : bool
        Whether the search goes on although its first trials all fail for one reason.

    Attributes
    ----------
    ended : int
        Trials that count towards the total: complete, pruned and failed ones.
    """

    def __init__(self, session: Session, keep_going: bool):
        self._session = session
        self._failures = Failures(keep_going)
        self.ended = self._total = 0

    def start(self, ended: int, total: int) -> None:
        """Set the trials of earlier starts that count, and the total of the search."""
        self.ended, self._total = ended, total

    def begun(self, trial: optuna.Trial) -> None:
        """Record that a trial was begun or taken up."""
        self._session.progress.begun(trial.number)
        self._failures.begun(trial.number)

    def end(self, trial: optuna.Trial, kept: dict[str, Any], network: str) -> None:
        """Write the result of a trial, which is complete if the result has values and pruned otherwise."""
        self._count(trial, self._session.ledger.end(trial, kept, network), kept)

    def fail(self, trial: optuna.Trial, reason: str, seconds: float) -> None:
        """Write the reason for which a trial failed."""
        self._count(trial, self._session.ledger.fail(trial, reason, seconds), {"seconds": seconds}, reason)

    def prune(self, trial: optuna.Trial) -> None:
        """End a trial that the user's `network` function has pruned."""
        self._count(trial, self._session.ledger.prune(trial), {})

    def end_late(self, trial: optuna.Trial, kept: dict[str, Any], reason: str | None) -> None:
        """End a trial of an earlier start, which ended without a word to Optuna."""
        self._session.ranking.hear(trial.number, kept)
        self._count(trial, self._session.ledger.tell_late(trial, kept, reason), kept, reason)

    def _count(self, trial: optuna.Trial, state: TrialState, kept: dict[str, Any], reason: str | None = None) -> None:
        """Count a trial that Optuna knows to have ended."""
        session = self._session
        session.calls.forget(trial.number)
        self.ended += 1
        session.ranking.ended(trial.number, state.name)
        names = [objective.name for objective in session.plan.objectives]
        values = dict(zip(names, kept.get("values") or [], strict=False))
        feasible = all(violation <= 0 for violation in kept.get("constraints", {}).values())
        ended = Ended(trial.number, state.name.lower(), values, kept.get("seconds", 0.0), reason, feasible)
        session.progress.ended(ended)
        if (error := self._failures.ended(trial.number, reason)) is not None and self.ended < self._total:
            session.stop.fail(error)
