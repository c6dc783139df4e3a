"""The one process that owns a study: asks Optuna, submits jobs, tells results in the order in which they come."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from search import record
from search.executor import Executor
from search.finish import Finish
from search.job import Job
from search.owner import BEAT, claim
from search.plan import Plan
from search.progress import Progress
from search.script import fault
from search.seeds import trial_seed
from search.summary import count, ended, front
from snn.profile import stage

if TYPE_CHECKING:
    import optuna

    from snn.profile import Profile
    from snn.result import Result

HOPELESS = 5  # trials that fail before any works
GRACE = 3.0  # seconds that stopped jobs have to end, so that no process outlives the search


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
    """

    def __init__(
        self,
        plan: Plan,
        study: optuna.Study,
        executor: Executor,
        progress: Progress,
        profile: Profile | None = None,
    ):
        self._plan = plan
        self._study = study
        self._executor = executor
        self._progress = progress
        self._profile = profile
        self._inbox: SimpleQueue[tuple[Future[Result], Callable[[Future[Result]], None]] | None] = SimpleQueue()
        self._underway: set[Future[Result]] = set()
        self._stopping = False
        self._ended = 0  # trials that count towards the total
        self._seen = time.monotonic()

    def interrupt(self) -> None:
        """Stop as soon as possible, leaving what runs to be taken up again; may be called from a signal handler."""
        self._stopping = True
        self._inbox.put(None)

    def run(self, total: int) -> bool:
        """Search until `total` trials are complete, pruned or failed, then score the best on the test part.

        Returns
        -------
        bool
            Whether it came to the end (it was not interrupted).
        """
        try:
            self.search(total)
            self._score_best()
        finally:
            self._stop()
        return not self._stopping

    # ---- trials

    def search(self, total: int) -> None:
        """Take up what was running, and ask for new trials until there are `total`."""
        trials = self._study.get_trials(deepcopy=False)
        counts = count(trials)
        self._ended = ended(counts)
        left = deque(trial for trial in trials if trial.state.name == "RUNNING")
        best = front(self._study)
        self._progress.begin(self._plan.name, total, counts, best[0].values[0] if best else None)
        while not self._stopping:
            # a trial that fails at once leaves its place free, hence the count anew each time
            while len(self._underway) < self._executor.workers and not self._stopping:
                if left:
                    self._begin_trial(self._take_up(left.popleft()))
                elif self._ended + len(self._underway) < total:
                    self._begin_trial(self._ask())
                else:
                    break
            if not self._underway:
                break
            self._next()

    def _ask(self) -> optuna.Trial:
        with stage(self._profile, "ask"):
            return self._study.ask()

    def _take_up(self, trial: optuna.trial.FrozenTrial) -> optuna.Trial:
        import optuna

        return optuna.trial.Trial(self._study, trial._trial_id)  # what it was given already is given again

    def _begin_trial(self, trial: optuna.Trial) -> None:
        import optuna

        known = trial.user_attrs
        if record.REASON in known or "values" in known.get(record.RESULT, {}):  # ended, but not told
            return self._tell(trial, known[record.RESULT], known.get(record.REASON))
        self._progress.begun(trial.number)
        began = time.monotonic()
        try:
            with stage(self._profile, "ask"):
                network = known.get(record.NETWORK) or self._build_network(trial)
        except optuna.TrialPruned:
            return self._tell(trial, {"seconds": 0.0}, None)
        except Exception as error:
            reason = fault(error, self._plan.script)
            self._fail(trial, f"network(trial) failed: {reason}", began)
            return self._give_up(reason)
        seed = known.get(record.SEED, trial_seed(self._plan.seed, trial.number))
        if record.NETWORK not in known:
            self._keep(trial, record.SEED, seed)
            self._keep(trial, record.NETWORK, network)
        self._keep(trial, record.ORIGIN, self._plan.origin())
        self._submit(self._plan.job(network, seed), partial(self._end_trial, trial, began))

    def _give_up(self, reason: str) -> None:
        """A script that has never made a network that works is to be mended, not run to its last trial."""
        from search.errors import StudyError

        counts = count(self._study.get_trials(deepcopy=False))
        if counts["complete"] + counts["pruned"] == 0 and not self._underway and counts["fail"] >= HOPELESS:
            raise StudyError(f"The first {counts['fail']} trials all failed, so the search has stopped: {reason}")

    def _build_network(self, trial: optuna.Trial) -> str:
        from search.errors import StudyError
        from snn.network import Network, NetworkSpec

        network = self._plan.network(trial)
        if not isinstance(network, Network | NetworkSpec):
            raise StudyError(f"it must return a snn.Network, but returned {network!r}.")
        return (network if isinstance(network, NetworkSpec) else network.freeze()).to_json()

    def _end_trial(self, trial: optuna.Trial, began: float, future: Future[Result]) -> None:
        try:
            with stage(self._profile, "score"):
                kept = record.outcome(self._plan.objectives, future.result(), time.monotonic() - began)
        except Exception as error:
            if not self._stopping:  # else it was stopped, or Ctrl-C in a terminal has hit its compiler: run it again
                self._fail(trial, fault(error, self._plan.script), began)
            return
        self._keep(trial, record.RESULT, kept)
        self._tell(trial, kept, None)

    def _fail(self, trial: optuna.Trial, reason: str, began: float) -> None:
        kept = {"seconds": round(time.monotonic() - began, 3)}
        self._keep(trial, record.RESULT, kept)
        self._keep(trial, record.REASON, reason)
        self._tell(trial, kept, reason)

    def _keep(self, trial: optuna.Trial, name: str, value: Any) -> None:
        with stage(self._profile, "tell"):
            trial.set_user_attr(name, value)

    def _tell(self, trial: optuna.Trial, kept: dict, reason: str | None) -> None:
        from optuna.trial import TrialState

        values = kept.get("values")
        state = TrialState.FAIL if reason is not None else TrialState.PRUNED if values is None else TrialState.COMPLETE
        with stage(self._profile, "tell"):
            self._study.tell(trial, values, state=state)
        self._ended += 1
        self._progress.ended(trial.number, state.name.lower(), self._named(values), kept["seconds"], reason)

    def _named(self, values: list[float] | None) -> dict[str, float]:
        names = [objective.name for objective in self._plan.objectives]
        return dict(zip(names, values or [], strict=False))

    # ---- the end

    def _score_best(self) -> None:
        if self._stopping:
            return
        finish = Finish(self._plan, self._study)
        with stage(self._profile, "score"):
            todo = finish.todo()
        if todo:
            self._progress.say(f"scoring the best {len(todo)} on the test part")
        for trial, job in todo:
            began = time.monotonic()
            self._submit(job, partial(self._end_final, finish, trial, began))
        while self._underway and not self._stopping:
            self._next()
        if not self._stopping:
            with stage(self._profile, "tell"):
                finish.over()

    def _end_final(self, finish: Finish, trial: optuna.trial.FrozenTrial, began: float, future: Future[Result]) -> None:
        try:
            result = future.result()
        except Exception as error:
            if not self._stopping:
                self._progress.say(f"trial {trial.number} failed on the test part: {fault(error, self._plan.script)}")
            return
        with stage(self._profile, "tell"):
            lines = finish.keep(trial, result, time.monotonic() - began)
        for line in lines:
            self._progress.say(line)

    # ---- jobs

    def _submit(self, job: Job, then: Callable[[Future[Result]], None]) -> None:
        future = self._executor.submit(job)
        self._underway.add(future)
        future.add_done_callback(lambda done: self._inbox.put((done, then)))

    def _next(self, timeout: float = BEAT) -> None:
        """Wait for a job to end and do what it was submitted for."""
        if time.monotonic() - self._seen > BEAT:
            claim(self._study)
            self._seen = time.monotonic()
        try:
            item = self._inbox.get(timeout=timeout)
        except Empty:
            return
        if item is not None:
            future, then = item
            self._underway.discard(future)
            then(future)

    def _stop(self) -> None:
        self._executor.stop()
        wait(self._underway, GRACE)
        while self._stopping and not self._inbox.empty():  # what ended before it could be stopped is kept
            self._next(0)
