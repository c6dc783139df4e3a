"""New trials for a study, until its sampler ends the search."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from snn.profile import stage

if TYPE_CHECKING:
    import optuna

    from snn.profile import Profile


class Suggestions:
    """Asks a study for trials.

    Some samplers, such as `GridSampler` and `BruteForceSampler`, end a search by calling `study.stop()` when they have
    suggested everything that there is. A user's `network(trial)` may call `trial.study.stop()`. Optuna allows the call
    in `study.optimize` only, which a driver does not use.

    Parameters
    ----------
    study : optuna.Study
        Its `stop` is replaced.
    profile : Profile, optional
        Where the CPU time of asking is counted.

    Attributes
    ----------
    over : bool
        Whether the search was ended: no trial is asked for any more, and those that run come to their end.
    """

    def __init__(self, study: optuna.Study, profile: Profile | None = None):
        self._study = study
        self._profile = profile
        self.over = False
        study.stop = self._stop  # type: ignore[method-assign]

    def begin(self) -> None:
        """See whether the sampler has anything to suggest: a grid that an earlier start has run to its end does not."""
        exhausted = getattr(self._study.sampler, "is_exhausted", None)
        self.over = callable(exhausted) and bool(exhausted(self._study))

    def ask(self) -> optuna.Trial:
        """A new trial, or the next one that was enqueued."""
        with stage(self._profile, "ask"):
            trial = self._study.ask()
            self.over = self.over or self._has_begun_the_grid(trial.number)
        return trial

    def __str__(self) -> str:
        sampler = type(self._study.sampler).__name__
        return f"its sampler, {sampler}, has nothing more to suggest, or the script has called study.stop()"

    def _has_begun_the_grid(self, number: int) -> bool:
        """Whether a `GridSampler` has suggested its last point: asked again, it would repeat those that still run."""
        from optuna.samplers import GridSampler

        if not isinstance(self._study.sampler, GridSampler):
            return False
        trials = self._study.get_trials(deepcopy=False)
        grid = trials[number].system_attrs.get("search_space")
        same = [trial.system_attrs for trial in trials if trial.system_attrs.get("search_space") == grid]
        return grid is not None and len({one["grid_id"] for one in same}) == math.prod(map(len, grid.values()))

    def _stop(self) -> None:
        self.over = True
