"""The runs of trials, rung by rung."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from search.driver.session import Session
from search.driver.tally import Tally
from search.driver.trial import Replicate, Underway
from search.errors import ExecutorLost
from search.spec.job import Ran
from search.spec.script import fault
from search.spec.seeds import replicate_seeds
from snn.errors import OtherData, OtherRun, RunTimeout, SNNError
from snn.profile import stage

if TYPE_CHECKING:
    import optuna


class Rungs:
    """Runs trials rung by rung until they end.

    Parameters
    ----------
    session : Session
        The start of the search.
    tally : Tally
        Writes and counts the trials that end.

    Attributes
    ----------
    running : set of int
        The numbers of the trials that have not ended.
    """

    def __init__(self, session: Session, tally: Tally):
        self._session = session
        self._tally = tally
        self._warned = False  # that partial results cannot be written
        self.running: set[int] = set()

    def begin(self, trial: optuna.Trial, seed: int, network: str) -> None:
        """Run a new trial from its first rung."""
        self._submit(self._underway(trial, seed, network))

    def take_up(self, trial: optuna.Trial, seed: int, network: str) -> None:
        """Go on with a trial from the last rung that an earlier start has kept."""
        underway = self._underway(trial, seed, network)
        self._load(underway)
        self._decide(underway) if underway.results() and not underway.due() else self._submit(underway)

    def _underway(self, trial: optuna.Trial, seed: int, network: str) -> Underway:
        plan = self._session.plan
        replicates = [Replicate(one) for one in replicate_seeds(seed, plan.replicates)]
        self.running.add(trial.number)
        return Underway(trial, network, plan, replicates)

    def _load(self, underway: Underway) -> None:
        """Load the partial results that an earlier start has kept of a trial."""
        from snn.results.result import Result

        states = self._session.states
        underway.earlier, underway.runs = states.spent(underway.trial)
        for place, replicate in enumerate(underway.replicates):
            data = states.load(underway.trial, place)
            if data is not None:
                try:
                    replicate.reached(Result.from_bytes(data), data)
                except SNNError as error:
                    again = f"trial {underway.number} runs again from its beginning: {error}"
                    self._session.progress.say(again)
        underway.aim()

    # ---- runs

    def _submit(self, underway: Underway) -> None:
        """Submit the replicates that must still run the present rung."""
        for replicate in underway.due():
            self._submit_replicate(underway, replicate)

    def _submit_replicate(self, underway: Underway, replicate: Replicate) -> None:
        session = self._session
        if session.stop.requested:  # the next start takes the trial up again
            return
        upto = session.plan.ends[underway.goal - 1]
        data = session.plan.task.data_hash
        job = session.plan.job(underway.network, replicate.seed, upto, replicate.after, replicate.spent, data)
        underway.futures.add(session.jobs.submit(job, partial(self._end_run, underway, replicate)))

    def _end_run(self, underway: Underway, replicate: Replicate, future: Future[Ran]) -> None:
        """Keep the partial result of a run that has ended, and decide when it was the last of its rung."""
        if underway.over:  # another replicate has failed
            return
        underway.futures.remove(future)
        try:
            ran = future.result()
        except (ExecutorLost, OtherData) as error:
            return self._session.stop.fail(error)
        except OtherRun:  # the script or the settings have changed since an earlier start ran the first rungs
            replicate.forget()
            return self._submit_replicate(underway, replicate)
        except Exception as error:
            # after a request to stop, the run was killed, or Ctrl-C in a terminal has hit its compiler: it runs again
            if not self._session.stop.requested:
                self._fail(underway, error)
            return
        underway.runs.append([ran.worker, round(ran.began, 3), round(ran.ended, 3)])
        after = None
        if ran.result.state is not None:
            with stage(self._session.profile, "write"):
                after = ran.result.to_bytes()
                self._keep(underway, replicate, after)
        replicate.reached(ran.result, after)
        if not underway.due():
            self._decide(underway)

    def _keep(self, underway: Underway, replicate: Replicate, data: bytes) -> None:
        """Write a partial result to its file."""
        states = self._session.states
        try:
            states.keep(underway.trial, underway.replicates.index(replicate), data)
            states.spend(underway.trial, underway.seconds, underway.runs)
        except OSError as error:  # the search goes on: only the next start would need the file
            if not self._warned:
                self._session.progress.say(f"What trials have reached cannot be kept in {states.folder}: {error}")
            self._warned = True

    # ---- after a rung

    def _decide(self, underway: Underway) -> None:
        """Submit the next rung of a trial whose replicates have all run the present one, or end the trial."""
        session = self._session
        with stage(session.profile, "score"):
            goes_on = session.ranking.goes_on(underway.number, underway.rungs(), underway.last)
        if goes_on:
            underway.goal += 1
            return self._submit(underway)
        session.calls.of(underway.trial, session.plan.ends[underway.goal - 1])
        try:
            with stage(session.profile, "score"):
                kept = underway.kept()
        except Exception as error:
            return self._fail(underway, error)
        self._tally.end(underway.trial, kept, underway.network)
        self._forget(underway)

    def _fail(self, underway: Underway, error: Exception) -> None:
        """End a trial as failed, and cancel its runs that have not begun."""
        plan = self._session.plan
        underway.over = True
        for future in underway.futures:
            future.cancel()
        late = isinstance(error, RunTimeout) and plan.timeout is not None
        reason = f"A trial must end within {plan.timeout:g} s, but did not." if late else None
        self._tally.fail(underway.trial, reason or fault(error, plan.script), underway.seconds)
        self._forget(underway)

    def _forget(self, underway: Underway) -> None:
        """Remove the partial results of an ended trial, unless the storage was away and does not know of the end."""
        self.running.discard(underway.number)
        if not self._session.ledger.away:
            self._session.states.remove(underway.trial, len(underway.replicates))
