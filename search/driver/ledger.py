"""The ledger: everything that a driver writes of trials in a study.

What a trial gave is first put into a spool, a folder beside the study, and leaves it when Optuna has been told: a
driver that dies, or gives up, while its storage is away loses no result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from search.driver.duplicates import Repeats
from search.storage.attributes import NETWORK, ORIGIN, REASON, RESULT, SEED
from search.storage.identity import Identity
from search.storage.pending import Spool
from search.storage.record import SCORES, Record
from snn.profile import stage

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, TrialState

    from search.spec.spec import Plan
    from snn.profile import Profile


class Ledger:
    """Keeps and tells trials.

    Parameters
    ----------
    plan : Plan
        What is searched.
    study : optuna.Study
        Where it is kept.
    say : callable
        Told of what the user should know.
    profile : Profile, optional
        Where the CPU time of it is counted.
    """

    def __init__(self, plan: Plan, study: optuna.Study, say: Callable[[str], None], profile: Profile | None = None):
        self._plan = plan
        self._study = study
        self._say = say
        self._profile = profile
        self._spool = Spool(plan.location.folder(plan.name), Identity.of(study), say)
        self._reports = _reports(plan)
        self._repeats = Repeats(plan)
        self._waiting: dict[int, dict[str, Any]] = {}  # results in the spool that were not told
        self.away = False  # whether the storage is: results are then put into the spool, and nobody is told of them

    def begin(self, trials: list[FrozenTrial]) -> None:
        """Learn what earlier starts have run."""
        for trial in trials:
            self._repeats.learn(trial)
        self._waiting = self._spool.load(trials)
        for number in list(self._waiting):
            if trials[number].state.is_finished():  # told in the moment of the driver's end
                del self._waiting[number]
                self._spool.remove(trials[number])

    def seed(self, trial: optuna.Trial, seed: int, network: str) -> None:
        """Keep what it takes to run a trial again, for a trial that has none of it."""
        self._keep(trial, SEED, seed)
        self._keep(trial, NETWORK, network)
        self.origin(trial)

    def origin(self, trial: optuna.Trial) -> None:
        """Keep what it is run with now."""
        self._keep(trial, ORIGIN, self._plan.origin())

    def repeat(self, trial: optuna.Trial, network: str) -> dict[str, Any] | None:
        """If a trial is one that was run already and has ended, what that gave; it is kept as this trial's too."""
        number = self._repeats.find(trial.params, network)
        if number is None:
            return None
        before = Record(self._study.get_trials(deepcopy=False)[number])
        assert before.seed is not None
        self.seed(trial, before.seed, network)
        return {**before.result, "seconds": 0.0, "builds": 0, "samples": 0, "runs": [], "same_as": number}

    def end(self, trial: optuna.Trial, kept: dict[str, Any], network: str) -> TrialState:
        """Keep what a trial gave, complete if it has values and else pruned, and tell Optuna."""
        self._put_aside(trial, kept, None)
        self._keep(trial, RESULT, kept)
        if "values" in kept or self._plan.prunes:
            self._repeats.add(trial.number, trial.params, network)
        return self._tell(trial, kept, None)

    def fail(self, trial: optuna.Trial, reason: str, seconds: float) -> TrialState:
        """Keep why a trial failed, and tell Optuna."""
        kept = {"seconds": round(seconds, 3)}
        self._put_aside(trial, kept, reason)
        self._keep(trial, REASON, reason)
        self._keep(trial, RESULT, kept)
        return self._tell(trial, kept, reason)

    def prune(self, trial: optuna.Trial) -> TrialState:
        """Tell Optuna of a trial that its own `network` function has pruned: nothing was run."""
        return self._tell(trial, {}, None)

    def untold(self, trial: optuna.Trial) -> tuple[dict[str, Any], str | None] | None:
        """Return the pending result, or the reason of failure, of a trial whose driver died before storing it."""
        known = {RESULT: {"seconds": 0.0}} | trial.user_attrs
        if (spooled := self._waiting.get(trial.number)) is not None:
            known |= spooled
        elif REASON not in known and RESULT not in trial.user_attrs:
            return None
        return known[RESULT], known.get(REASON)

    def tell_late(self, trial: optuna.Trial, kept: dict[str, Any], reason: str | None) -> TrialState:
        """Keep all that is known of such a trial, and tell Optuna."""
        if reason is not None:
            self._keep(trial, REASON, reason)
        self._keep(trial, RESULT, kept)
        return self._tell(trial, kept, reason)

    def _put_aside(self, trial: optuna.Trial, kept: dict[str, Any], reason: str | None) -> None:
        data = {RESULT: kept} | ({} if reason is None else {REASON: reason})
        try:
            self._spool.keep(trial, data)
        except OSError as error:  # no reason to stop: the storage may be as well as ever
            self._say(f"The result of trial {trial.number} cannot be put aside in {self._spool.folder}: {error}")

    def _keep(self, trial: optuna.Trial, name: str, value: Any) -> None:
        if self.away:
            return
        with stage(self._profile, "tell"):
            trial.set_user_attr(name, value)

    def _tell(self, trial: optuna.Trial, kept: dict[str, Any], reason: str | None) -> TrialState:
        from optuna.trial import TrialState

        values = kept.get("values")
        state = TrialState.FAIL if reason is not None else TrialState.PRUNED if values is None else TrialState.COMPLETE
        if self.away:
            return state
        with stage(self._profile, "tell"):
            for name, violation in kept.get("constraints", {}).items():
                if name not in trial.constraints:  # a start before this one may have come so far
                    trial.set_constraint(name, violation)
            rungs = kept.get("rungs") or [None]
            if state == TrialState.PRUNED and self._reports and rungs[-1] is not None:
                trial.report(rungs[-1], len(rungs))  # samplers learn from it
            self._study.tell(trial, values, state=state)
            self._spool.remove(trial)
        return state


def _reports(plan: Plan) -> bool:
    """Whether a rung's score can stand for the objective: Optuna takes reports of one, in its direction."""
    if len(plan.objectives) > 1 or plan.objectives[0].name not in SCORES:
        return False
    return (plan.objectives[0].direction == "minimize") == plan.by_loss
