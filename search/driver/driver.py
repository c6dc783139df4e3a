"""The driver: the one process that owns a study, asks Optuna for trials, runs them and stores their results."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from search.analysis.trials import count, ended, front
from search.driver.finals import Finals
from search.driver.finish import Present
from search.driver.ledger import Ledger
from search.driver.progress import Progress
from search.driver.ranking import Ranking
from search.driver.rungs import Rungs
from search.driver.session import Session
from search.driver.suggestions import Suggestions
from search.driver.tally import Tally
from search.driver.trial import network_of
from search.errors import ExecutorLost, SpaceChanged, StudyError
from search.execution.executor import Executor
from search.execution.queue import Jobs
from search.execution.stop import Stop
from search.execution.usercalls import UserCalls
from search.spec.script import fault
from search.spec.seeds import trial_seed
from search.spec.spec import Plan
from search.start.leftovers import settle
from search.start.space_change import Space, remove_note
from search.storage.checkpoints import States
from search.storage.identity import Identity
from search.storage.record import Record
from snn.profile import stage

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from snn.profile import Profile


class Driver:
    """Runs a study until it has its number of trials.

    Parameters
    ----------
    plan : Plan
        What to search.
    study : optuna.Study
        Where it is kept; this process owns it.
    executor : Executor
        Where trials run.
    progress : Progress
        Told of every trial.
    profile : Profile, optional
        Where the CPU time of asking and telling is counted; the executor counts that of jobs.
    batch : int, default 1
        How many jobs each worker runs together.
    keep_going : bool, default False
        Whether to go on although the first trials all fail for one reason (`search.driver.failures`).
    present : Present, optional
        Gives each of the best trials its figures and its note after the search.
    """

    def __init__(
        self,
        plan: Plan,
        study: optuna.Study,
        executor: Executor,
        progress: Progress,
        profile: Profile | None = None,
        batch: int = 1,
        keep_going: bool = False,
        present: Present | None = None,
    ):
        folder = plan.location.folder(plan.name)
        self._calls = UserCalls(folder, plan.script.hash, progress.say)
        self._plan = plan = self._calls.guard(plan)
        self._study = study
        self._jobs = Jobs(executor, batch)
        self._progress = progress
        self._profile = profile
        self._ledger = Ledger(plan, study, progress.say, profile)
        self._ranking = Ranking(plan)
        self._suggestions = Suggestions(study, profile)
        self._space = Space(study)
        self._states = States(folder, Identity.of(study))
        self._stop = Stop(self._jobs.wake)
        session = Session(
            plan=plan,
            study=study,
            jobs=self._jobs,
            calls=self._calls,
            states=self._states,
            ledger=self._ledger,
            ranking=self._ranking,
            progress=progress,
            stop=self._stop,
            profile=profile,
        )
        self._tally = Tally(session, keep_going)
        self._rungs = Rungs(session, self._tally)
        self._finals = Finals(session, present)

    def interrupt(self) -> None:
        """Stop as soon as possible, leaving what runs to be taken up again; may be called from a signal handler."""
        self._stop.request()

    def run(self, total: int) -> bool:
        """Search until `total` trials are complete, pruned or failed, then score the best on the test part.

        Returns
        -------
        bool
            Whether it came to the end (it was not interrupted).

        Raises
        ------
        ExecutorLost
            If what runs jobs is gone, or has other data than this process.
        StudyError
            If the first trials all failed for one reason, or the storage does not answer.
        """
        try:
            self.search(total)
            if not self._stop.requested:  # else the next start needs the partial results
                self._states.sweep(self._study.get_trials(deepcopy=False), self._rungs.running)
                remove_note(self._states.folder)
            self._finals.run()
        except ExecutorLost as error:
            self._stop.fail(error)
        except (StudyError, KeyboardInterrupt):  # the storage is away for longer than it is waited for
            self._ledger.away = self._stop.requested = True
            raise
        finally:
            try:
                self._end_jobs()
            finally:
                self._calls.close()
                self._states.close()
        if (reason := self._stop.error) is not None:
            raise type(reason)(f"{reason} {self._kept()}")
        return not self._stop.requested

    def _kept(self) -> str:
        """Describe the trials and rungs that a search keeps when it stops before its end."""
        counts = count(self._study.get_trials(deepcopy=False))
        return f"Kept: {ended(counts)} trials that have ended, and the rungs behind the {counts['running']} under way."

    # ---- trials

    def search(self, total: int) -> None:
        """Take up what was running, and ask for new trials until there are `total`."""
        trials = self._study.get_trials(deepcopy=False)
        counts = count(trials)
        self._tally.start(ended(counts), total)
        self._learn(trials)
        left = deque(trial for trial in trials if trial.state.name == "RUNNING")
        settle(self._plan, self._study, self._states, trials, self._progress.say)
        self._calls.begin(left)
        self._suggestions.begin()
        best = front(self._study)
        self._progress.begin(self._plan.name, total, counts, best[0].values[0] if best else None)
        while not self._stop.requested:
            # a trial that fails at once leaves its place free, hence the count anew each time
            while self._jobs.room and not self._stop.requested:
                if self._jobs.waiting:  # what waits goes first: asking takes its time
                    self._next(0)
                elif left:
                    self._take_up(left.popleft())
                elif self._tally.ended + len(self._rungs.running) < total and not self._suggestions.over:
                    self._begin_trial(self._suggestions.ask())
                else:
                    break
            if not self._jobs:
                break
            self._next()
        if (done := self._tally.ended) < total and not self._stop.requested:
            self._progress.say(f"the search ends after {done} of {total} trials: {self._suggestions}")

    def _learn(self, trials: list[FrozenTrial]) -> None:
        """Read the trials that earlier starts have run."""
        self._ledger.begin(trials)
        for trial in trials:
            self._ranking.learn(trial)

    def _take_up(self, stored: FrozenTrial) -> None:
        """Go on with a trial of an earlier start, with the parameters that it was given then."""
        import optuna

        trial = optuna.trial.Trial(self._study, stored._trial_id)
        known = Record(stored)
        if (untold := self._ledger.untold(trial)) is not None:
            self._tally.end_late(trial, *untold)
        elif (reason := self._calls.refuse(trial.number)) is not None:
            self._tally.begun(trial)
            self._tally.fail(trial, reason, self._states.spent(trial)[0])
        elif known.network is None or known.seed is None:
            self._begin_trial(trial)
        else:
            self._tally.begun(trial)
            self._ledger.origin(trial)
            self._rungs.take_up(trial, known.seed, known.network)

    def _begin_trial(self, trial: optuna.Trial) -> None:
        """Make the network of a trial and run it, unless an equal one has been run."""
        import optuna

        self._tally.begun(trial)
        began = time.monotonic()
        try:
            with stage(self._profile, "ask"), self._space.watching(trial):
                self._calls.of(trial, 0.0)
                network = self._calls.call("network(trial)", network_of, self._plan, trial)
        except optuna.TrialPruned:
            return self._tally.prune(trial)
        except SpaceChanged as error:  # results that wait are still told
            return self._stop.fail(error)
        except StudyError:  # the storage's, which is no fault of the network's
            raise
        except Exception as error:
            reason = f"network(trial) failed: {fault(error, self._plan.script)}"
            return self._tally.fail(trial, reason, time.monotonic() - began)
        if (known := self._ledger.repeat(trial, network)) is not None:
            return self._tally.end(trial, known, network)
        seed = trial_seed(self._plan.seed, trial.number)
        self._ledger.seed(trial, seed, network)
        self._rungs.begin(trial, seed, network)

    # ---- jobs

    def _next(self, timeout: float | None = None) -> None:
        """Wait for a job to end, and do what it was submitted for."""
        self._jobs.next(timeout)

    def _end_jobs(self) -> None:
        """Stop the jobs that run, and keep the results of those that had ended before."""
        self._jobs.stop()
        try:
            self._drain()
        except (StudyError, KeyboardInterrupt):  # the storage has gone only now
            self._ledger.away = True
            self._drain()
            raise

    def _drain(self) -> None:
        """Keep the results that wait after a request to stop."""
        while self._stop.requested and self._jobs.waiting:
            self._next(0)
