"""The one process that owns a study: asks Optuna, submits jobs, tells results in the order in which they come."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from search.analysis.trials import count, ended, front
from search.driver.failures import Failures
from search.driver.finish import Final, Finish
from search.driver.ledger import Ledger
from search.driver.progress import Ended, Progress
from search.driver.ranking import Ranking
from search.driver.suggestions import Suggestions
from search.driver.trial import Replicate, Underway, network_of
from search.driver.usercalls import UserCalls
from search.errors import ExecutorLost, SpaceChanged, StudyError
from search.execution.executor import Executor
from search.execution.queue import Jobs
from search.spec.job import Ran
from search.spec.script import fault
from search.spec.seeds import replicate_seeds, trial_seed
from search.spec.spec import Plan
from search.start.leftovers import settle
from search.start.space_change import Space, remove_note
from search.storage.checkpoints import States
from search.storage.identity import Identity
from search.storage.record import Record
from snn.errors import OtherData, OtherRun, RunTimeout, SNNError
from snn.profile import stage

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, TrialState

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
        self._failures = Failures(keep_going)
        self._space = Space(study)
        self._states = States(folder, Identity.of(study))
        self._running: set[int] = set()  # trials that have not ended
        self._warned = False  # of states that cannot be kept
        self._stopping = False
        self._lost: StudyError | None = None  # why the search ends before its time
        self._ended = self._total = 0  # trials that count towards the total

    def interrupt(self) -> None:
        """Stop as soon as possible, leaving what runs to be taken up again; may be called from a signal handler."""
        self._stopping = True
        self._jobs.wake()

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
            if not self._stopping:  # else what runs, or has not been taken up again, goes on from its states
                self._states.sweep(self._study.get_trials(deepcopy=False), self._running)
                remove_note(self._states.folder)
            self._score_best()
        except ExecutorLost as error:
            self._lose(error)
        except (StudyError, KeyboardInterrupt):  # the storage is away for longer than it is waited for
            self._ledger.away = self._stopping = True
            raise
        finally:
            try:
                self._stop()
            finally:
                self._calls.close()
                self._states.close()
        if self._lost is not None:
            raise type(self._lost)(f"{self._lost} {self._kept()}")
        return not self._stopping

    def _kept(self) -> str:
        """What a search that ends before its time leaves behind."""
        counts = count(self._study.get_trials(deepcopy=False))
        return f"Kept: {ended(counts)} trials that have ended, and the rungs behind the {counts['running']} under way."

    # ---- trials

    def search(self, total: int) -> None:
        """Take up what was running, and ask for new trials until there are `total`."""
        trials = self._study.get_trials(deepcopy=False)
        counts = count(trials)
        self._ended, self._total = ended(counts), total
        self._learn(trials)
        left = deque(trial for trial in trials if trial.state.name == "RUNNING")
        settle(self._plan, self._study, self._states, trials, self._progress.say)
        self._calls.begin(left)
        self._suggestions.begin()
        best = front(self._study)
        self._progress.begin(self._plan.name, total, counts, best[0].values[0] if best else None)
        while not self._stopping:
            # a trial that fails at once leaves its place free, hence the count anew each time
            while self._jobs.room and not self._stopping:
                if self._jobs.waiting:  # what waits goes first: asking takes its time
                    self._next(0)
                elif left:
                    self._take_up(left.popleft())
                elif self._ended + len(self._running) < total and not self._suggestions.over:
                    self._begin_trial(self._suggestions.ask())
                else:
                    break
            if not self._jobs:
                break
            self._next()
        if self._ended < total and not self._stopping:
            self._progress.say(f"the search ends after {self._ended} of {total} trials: {self._suggestions}")

    def _learn(self, trials: list[FrozenTrial]) -> None:
        """What earlier starts have run."""
        self._ledger.begin(trials)
        for trial in trials:
            self._ranking.learn(trial)

    def _take_up(self, stored: FrozenTrial) -> None:
        """Go on with a trial that an earlier start has left: what it was given already is given again."""
        import optuna

        trial = optuna.trial.Trial(self._study, stored._trial_id)
        known = Record(stored)
        if (untold := self._ledger.untold(trial)) is not None:
            self._ranking.hear(trial.number, untold[0])
            self._count(trial, self._ledger.tell_late(trial, *untold), *untold)
        elif (reason := self._calls.refuse(trial.number)) is not None:
            self._begun(trial)
            self._fail(trial, reason, self._states.spent(trial)[0])
        elif known.network is None or known.seed is None:
            self._begin_trial(trial)
        else:
            self._begun(trial)
            self._ledger.origin(trial)
            underway = self._underway_trial(trial, known.seed, known.network)
            self._take_up_rungs(underway)
            self._decide(underway) if underway.results() and not underway.due() else self._run_rung(underway)

    def _begun(self, trial: optuna.Trial) -> None:
        self._progress.begun(trial.number)
        self._failures.begun(trial.number)

    def _begin_trial(self, trial: optuna.Trial) -> None:
        import optuna

        self._begun(trial)
        began = time.monotonic()
        try:
            with stage(self._profile, "ask"), self._space.watching(trial):
                self._calls.of(trial, 0.0)
                network = self._calls.call("network(trial)", network_of, self._plan, trial)
        except optuna.TrialPruned:
            return self._count(trial, self._ledger.prune(trial), {})
        except SpaceChanged as error:  # results that wait are still told
            return self._lose(error)
        except StudyError:  # the storage's, which is no fault of the network's
            raise
        except Exception as error:
            reason = f"network(trial) failed: {fault(error, self._plan.script)}"
            return self._fail(trial, reason, time.monotonic() - began)
        if (known := self._ledger.repeat(trial, network)) is not None:
            return self._end(trial, known, network)
        seed = trial_seed(self._plan.seed, trial.number)
        self._ledger.seed(trial, seed, network)
        self._run_rung(self._underway_trial(trial, seed, network))

    # ---- rungs

    def _underway_trial(self, trial: optuna.Trial, seed: int, network: str) -> Underway:
        seeds = replicate_seeds(seed, self._plan.replicates)
        underway = Underway(trial, network, self._plan, [Replicate(seed) for seed in seeds])
        self._running.add(trial.number)
        return underway

    def _take_up_rungs(self, underway: Underway) -> None:
        """Go on from what an earlier start has left of a trial."""
        from snn.results.result import Result

        underway.earlier, underway.runs = self._states.spent(underway.trial)
        for place, replicate in enumerate(underway.replicates):
            data = self._states.load(underway.trial, place)
            if data is not None:
                try:
                    replicate.reached(Result.from_bytes(data), data)
                except SNNError as error:
                    self._progress.say(f"trial {underway.number} runs again from its beginning: {error}")
        underway.aim()

    def _run_rung(self, underway: Underway) -> None:
        """Submit what is due of a trial."""
        for replicate in underway.due():
            self._run_replicate(underway, replicate)

    def _run_replicate(self, underway: Underway, replicate: Replicate) -> None:
        if self._stopping:  # it is taken up again
            return
        upto = self._plan.ends[underway.goal - 1]
        data = self._plan.task.data_hash
        job = self._plan.job(underway.network, replicate.seed, upto, replicate.after, replicate.spent, data)
        underway.futures.add(self._jobs.submit(job, partial(self._end_rung, underway, replicate)))

    def _end_rung(self, underway: Underway, replicate: Replicate, future: Future[Ran]) -> None:
        if underway.over:  # another replicate has failed
            return
        underway.futures.remove(future)
        try:
            ran = future.result()
        except (ExecutorLost, OtherData) as error:
            return self._lose(error)
        except OtherRun:  # since an earlier start left it: what is run changed, or how
            replicate.forget()
            return self._run_replicate(underway, replicate)
        except Exception as error:
            if not self._stopping:  # else it was stopped, or Ctrl-C in a terminal has hit its compiler: run it again
                self._fail_underway(underway, error)
            return
        underway.runs.append([ran.worker, round(ran.began, 3), round(ran.ended, 3)])
        after = None
        if ran.result.state is not None:
            with stage(self._profile, "write"):
                after = ran.result.to_bytes()
                self._keep_state(underway, replicate, after)
        replicate.reached(ran.result, after)
        if not underway.due():
            self._decide(underway)

    def _keep_state(self, underway: Underway, replicate: Replicate, data: bytes) -> None:
        try:
            self._states.keep(underway.trial, underway.replicates.index(replicate), data)
            self._states.spend(underway.trial, underway.seconds, underway.runs)
        except OSError as error:  # it would only be missed after the end of this process
            if not self._warned:
                self._progress.say(f"What trials have reached cannot be kept in {self._states.folder}: {error}")
            self._warned = True

    def _decide(self, underway: Underway) -> None:
        """All replicates of a trial have run its rung: end it, or let it go on."""
        with stage(self._profile, "score"):
            goes_on = self._ranking.goes_on(underway.number, underway.rungs(), underway.last)
        if goes_on:
            underway.goal += 1
            return self._run_rung(underway)
        self._calls.of(underway.trial, self._plan.ends[underway.goal - 1])
        try:
            with stage(self._profile, "score"):
                kept = underway.kept()
        except Exception as error:
            return self._fail_underway(underway, error)
        self._end(underway.trial, kept, underway.network)
        self._forget(underway)

    # ---- the end of a trial

    def _end(self, trial: optuna.Trial, kept: dict[str, Any], network: str) -> None:
        self._count(trial, self._ledger.end(trial, kept, network), kept)

    def _fail_underway(self, underway: Underway, error: Exception) -> None:
        underway.over = True
        for future in underway.futures:
            future.cancel()  # those that have not begun
        late = isinstance(error, RunTimeout) and self._plan.timeout is not None
        reason = f"A trial must end within {self._plan.timeout:g} s, but did not." if late else None
        self._fail(underway.trial, reason or fault(error, self._plan.script), underway.seconds)
        self._forget(underway)

    def _forget(self, underway: Underway) -> None:
        """What an ended trial has reached is not gone on from, unless nobody was told that it has ended."""
        if not self._ledger.away:
            self._states.remove(underway.trial, len(underway.replicates))

    def _fail(self, trial: optuna.Trial, reason: str, seconds: float) -> None:
        self._count(trial, self._ledger.fail(trial, reason, seconds), {"seconds": seconds}, reason)

    def _count(self, trial: optuna.Trial, state: TrialState, kept: dict[str, Any], reason: str | None = None) -> None:
        """A trial was told: it counts towards the total."""
        self._running.discard(trial.number)
        self._calls.forget(trial.number)
        self._ended += 1
        self._ranking.ended(trial.number, state.name)
        names = [objective.name for objective in self._plan.objectives]
        values = dict(zip(names, kept.get("values") or [], strict=False))
        feasible = all(violation <= 0 for violation in kept.get("constraints", {}).values())
        ended = Ended(trial.number, state.name.lower(), values, kept.get("seconds", 0.0), reason, feasible)
        self._progress.ended(ended)
        if (stop := self._failures.ended(trial.number, reason)) is not None and self._ended < self._total:
            self._lose(stop)

    # ---- the end

    def _score_best(self) -> None:
        if self._stopping:
            return
        finish = Finish(self._plan, self._study)
        with stage(self._profile, "score"):
            todo = finish.todo()
        if todo:
            self._progress.say(f"scoring the best {len(todo)} on the test part")
        for trial, jobs in todo:
            member = Final(trial, time.monotonic(), len(jobs))
            for place, job in enumerate(jobs):
                self._jobs.submit(job, partial(self._end_final, finish, member, place))
        while self._jobs and not self._stopping:
            self._next()
        if not self._stopping:
            with stage(self._profile, "tell"):
                finish.over()

    def _end_final(self, finish: Finish, member: Final, place: int, future: Future[Ran]) -> None:
        trial = member.trial
        try:
            member.results[place] = future.result().result
        except (ExecutorLost, OtherData) as error:
            return self._lose(error)
        except Exception as error:
            if not self._stopping:
                self._progress.say(f"trial {trial.number} failed on the test part: {fault(error, self._plan.script)}")
            return
        if (results := member.all()) is None or self._ledger.away:
            return
        self._calls.of(trial, 1.0)
        with stage(self._profile, "tell"):
            lines = finish.keep(trial, results, time.monotonic() - member.began)
        for line in lines:
            self._progress.say(line)

    # ---- jobs

    def _next(self, timeout: float | None = None) -> None:
        """Wait for a job to end and do what it was submitted for."""
        self._jobs.next(timeout)

    def _lose(self, error: StudyError | OtherData) -> None:
        """End as if interrupted, and then with that error: what runs is taken up again."""
        self._lost = self._lost or (ExecutorLost(str(error)) if isinstance(error, OtherData) else error)
        self.interrupt()

    def _stop(self) -> None:
        self._jobs.stop()
        try:
            self._drain()
        except (StudyError, KeyboardInterrupt):  # the storage has gone only now
            self._ledger.away = True
            self._drain()
            raise

    def _drain(self) -> None:
        """What ended before it could be stopped is kept."""
        while self._stopping and self._jobs.waiting:
            self._next(0)
