"""A sampler for many workers: extra trees, and a different exploration weight for every suggestion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.samplers import BaseSampler

from search.samplers.history import History, Outcome
from search.samplers.picker import Picker
from search.samplers.space import Axis
from search.samplers.surrogate import Batch, refit

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState

STARTUP = 10  # complete trials before the first fit, at least; two for each parameter
KAPPA = 0.5  # mean exploration weight at the beginning of a period
DECAY = 0.1  # what it has fallen to at the end of one
PERIOD = 25  # suggestions in which it does
FRESH = 0.01  # share of the trials told that must be new for another fit


class Now(Executor):
    """Runs what is submitted at once: refits are then part of the ask, and suggestions a function of the seed."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Run it."""
        future: Future = Future()
        future.set_result(function(*args, **kwargs))
        return future


class ForestSampler(BaseSampler):
    """Bayesian optimisation by a forest of extremely randomised trees.

    The forest learns the ranks of trials; a suggestion maximises mean + kappa x deviation over candidates, with kappa
    drawn from an exponential distribution for each (the qUCB of Egele et al. 2023, whose mean decays periodically) and
    the mean taken over a few trees, others each time: trials under way at the same time explore differently. One in
    five suggestions is the best that has some category, lest the search forget it.

    A parameter that a network asks for only under some condition is a parameter of those trials that have it. With
    several objectives each suggestion weighs them at random. Trials that violate constraints rank behind those that do
    not, pruned ones in the middle at most, failed ones last.

    Fits happen in the background, on at most 1,500 trials: an ask picks from candidates that are scored already.
    Trials that are added to a study should be there before the first ask.

    Parameters
    ----------
    seed : int, optional
        Of all that is drawn; random if None.
    background : bool, default True
        Whether a thread fits while trials run. If not, suggestions depend on the seed and on the order of results only.
    refits : concurrent.futures.Executor, optional
        Where fits run, instead: what it is given returns a `Batch`, whose `seconds` is the CPU time that it took.
    """

    def __init__(self, seed: int | None = None, background: bool = True, refits: Executor | None = None):
        self._seed = np.random.SeedSequence(seed)
        self._random = np.random.default_rng(self._seed.spawn(1)[0])
        self._refits = refits or (None if background else Now())
        self._history: History | None = None
        self._signs: tuple[int, ...] = ()
        self._future: Future[Batch] | None = None
        self._picker: Picker | None = None
        self._fitted = 0  # trials that had been told at the last fit
        self._asked = 0
        self.seconds = 0.0  # CPU that fits have taken

    # ---- what Optuna calls

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Every parameter that any trial has had."""
        self._open(study)
        if self._picker is None:
            return {}
        return {name: axis.distribution for name, axis in self._picker.batch.space.axes.items()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next suggestion, with the parameters that trials like it have had."""
        if self._picker is None or trial.params or "fixed_params" in trial.system_attrs:
            return {}
        self._asked += 1
        kappa = self._random.exponential(KAPPA * DECAY ** ((self._asked % PERIOD) / PERIOD))
        row = self._picker.pick(kappa, self._random)
        if row is None:
            return {}
        assert self._history is not None
        space = self._picker.batch.space
        self._history.suggested(trial.number, row, space)
        return space.decode(row)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A parameter that was not foreseen: near that of a good trial that has it, else random."""
        axis = Axis(param_distribution)
        if self._picker is not None and self._random.random() < 0.8:
            known = self._picker.near(param_name, axis, self._random)
            if known is not None:
                return axis.decode(known)
        return axis.decode(float(axis.draw(self._random, 1)[0]))

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Take over what a fit has found, and begin another if there is news."""
        self._open(study)
        self._collect()
        if self._due():
            self._begin()
            self._collect()

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Learn from a trial."""
        self._open(study)
        assert self._history is not None
        self._history.tell(trial, Outcome.of(trial, state, values, self._signs))

    def reseed_rng(self) -> None:
        """Draw differently from now on."""
        self._random = np.random.default_rng()

    # ---- fits

    def _open(self, study: optuna.Study) -> None:
        """Learn from what a study has at the start."""
        if self._history is not None:
            return
        from optuna.study import StudyDirection

        self._signs = tuple(1 if direction == StudyDirection.MAXIMIZE else -1 for direction in study.directions)
        self._history = History(len(self._signs), np.random.default_rng(self._seed.spawn(1)[0]))
        for trial in study.get_trials(deepcopy=False):
            if trial.state.is_finished():
                self._history.tell(trial, Outcome.of(trial, trial.state, trial.values, self._signs))
            elif self._history.join(trial):
                space = self._history.space
                self._history.suggested(trial.number, space.encode(trial.params), space)

    def _due(self) -> bool:
        assert self._history is not None
        if self._future is not None or self._history.complete < max(STARTUP, 2 * len(self._history.space.axes)):
            return False
        return self._history.told - self._fitted >= max(1, FRESH * self._history.told)

    def _begin(self) -> None:
        assert self._history is not None
        if self._refits is None:
            self._refits = ThreadPoolExecutor(1, thread_name_prefix="refit")
        history = self._history
        rows, good = history.sample()
        seed = int(self._seed.spawn(1)[0].generate_state(1)[0])
        self._fitted = history.told
        self._future = self._refits.submit(refit, history.space, rows, good, history.taken(), seed)

    def _collect(self) -> None:
        if self._future is None or not self._future.done():
            return
        batch, self._future = self._future.result(), None
        self.seconds += batch.seconds
        assert self._history is not None
        # a new parameter since: what was suggested meanwhile cannot be compared, and differs in it anyhow
        known = self._history.space is batch.space
        taken = self._history.taken(self._fitted) if known else np.empty((0, batch.rows.shape[1]))
        self._picker = Picker(batch, taken)
