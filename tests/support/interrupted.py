"""Searches whose driver dies and leaves its files behind, for tests of the next start."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import FrozenTrial

from search.driver.driver import Driver
from search.driver.progress import Lines
from search.execution.local import local_executor
from search.spec.spec import Plan
from search.start.opening import begin
from search.storage.opening import open_storage


def interrupted(plan: Plan, jobs: int, trials: int = 4) -> Plan:
    """Search for `trials` trials, one at a time, until `jobs` runs have ended: then the driver dies."""
    executor = local_executor(plan.task, 1)

    class Dies(Driver):
        left = jobs

        def _next(self, timeout=20.0):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            super()._next(timeout)

    with pytest.raises(KeyboardInterrupt):
        Dies(plan, begin(plan, print), executor, Lines(plan.objectives)).search(trials)
    executor.stop()
    return plan


def searched(plan: Plan, trials: int = 4) -> list[FrozenTrial]:
    """Search to the end, without the last scores and images; the trials as stored."""
    executor = local_executor(plan.task, 1)
    driver = Driver(plan, begin(plan, print), executor, Lines(plan.objectives))
    driver.search(trials)
    driver._calls.close()
    driver._states.close()
    executor.stop()
    return optuna.load_study(study_name=plan.name, storage=open_storage(plan.location, create=False)).trials
