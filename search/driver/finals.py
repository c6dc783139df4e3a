"""The last step of a search: its best trials run again and are scored on the test part."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from search.driver.finish import Finish, Present
from search.driver.session import Session
from search.errors import ExecutorLost
from search.spec.job import Ran
from search.spec.script import fault
from snn.errors import OtherData
from snn.profile import stage

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from snn.results.result import Result


@dataclass
class Final:
    """A trial of the front while its final runs are under way.

    Parameters
    ----------
    trial : FrozenTrial
        The trial.
    began : float
        When its runs were submitted, on the monotonic clock.
    replicates : int
        The number of its runs.
    """

    trial: FrozenTrial
    began: float
    replicates: int
    results: dict[int, Result] = field(default_factory=dict)

    def all(self) -> list[Result] | None:
        """Return the results of all replicates in their order, or None while one of them is missing."""
        done = len(self.results) == self.replicates
        return [self.results[place] for place in range(self.replicates)] if done else None


class Finals:
    """Scores the best trials of a search on the test part.

    Parameters
    ----------
    session : Session
        The start of the search.
    present : Present, optional
        Gives each of the best trials its figures and its note.
    """

    def __init__(self, session: Session, present: Present | None = None):
        self._session = session
        self._finish = Finish(session.plan, session.study, present=present)

    def run(self) -> None:
        """Run the best trials again, store their scores, and mark the search as over."""
        session = self._session
        if session.stop.requested:
            return
        with stage(session.profile, "score"):
            todo = self._finish.todo()
        if todo:
            session.progress.say(f"scoring the best {len(todo)} on the test part")
        for trial, jobs in todo:
            final = Final(trial, time.monotonic(), len(jobs))
            for place, job in enumerate(jobs):
                session.jobs.submit(job, partial(self._end, final, place))
        while session.jobs and not session.stop.requested:
            session.jobs.next()
        if not session.stop.requested:
            with stage(session.profile, "tell"):
                self._finish.over()

    def _end(self, final: Final, place: int, future: Future[Ran]) -> None:
        """Store the scores of a trial when its last run has ended."""
        session, trial = self._session, final.trial
        try:
            final.results[place] = future.result().result
        except (ExecutorLost, OtherData) as error:
            return session.stop.fail(error)
        except Exception as error:
            if not session.stop.requested:
                failed = f"trial {trial.number} failed on the test part: {fault(error, session.plan.script)}"
                session.progress.say(failed)
            return
        if (results := final.all()) is None or session.ledger.away:
            return
        session.calls.of(trial, 1.0)
        with stage(session.profile, "tell"):
            lines = self._finish.keep(trial, results, time.monotonic() - final.began)
        for line in lines:
            session.progress.say(line)
