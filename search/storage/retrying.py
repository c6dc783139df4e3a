"""An Optuna storage that retries calls during an outage."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

from optuna.storages import BaseStorage

from search.storage.attributes import CALL
from search.storage.outages import Outages

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import StudyDirection
    from optuna.study._frozen import FrozenStudy
    from optuna.trial import FrozenTrial, TrialState


class Patient(BaseStorage):
    """Delegates to another storage, and tries again what has failed there.

    A call that went through although its answer was lost does no harm: what must not be done twice is looked for before
    it is done again.

    Parameters
    ----------
    storage : BaseStorage
        The one beneath.
    outages : Outages
        How to wait.
    """

    def __init__(self, storage: BaseStorage, outages: Outages):
        self._storage = storage
        self._try = outages.wait

    # ---- what must not be done twice

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        name = study_name or f"no-name-{uuid.uuid4()}"

        def again() -> int:
            made = [study._study_id for study in self._storage.get_all_studies() if study.study_name == name]
            return made[0] if made else self._storage.create_new_study(directions, name)

        return self._try(lambda: self._storage.create_new_study(directions, name), again)

    def delete_study(self, study_id: int) -> None:
        def again() -> None:
            if any(study._study_id == study_id for study in self._storage.get_all_studies()):
                self._storage.delete_study(study_id)

        self._try(lambda: self._storage.delete_study(study_id), again)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        from optuna.trial import TrialState, create_trial

        template = copy.deepcopy(template_trial) if template_trial else create_trial(state=TrialState.RUNNING)
        mark = uuid.uuid4().hex[:16]
        template.system_attrs = {**template.system_attrs, CALL: mark}

        def again() -> int:
            trials = self._storage.get_all_trials(study_id, deepcopy=False)
            made = [trial._trial_id for trial in reversed(trials) if trial.system_attrs.get(CALL) == mark]
            return made[0] if made else self._storage.create_new_trial(study_id, template)

        return self._try(lambda: self._storage.create_new_trial(study_id, template), again)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        def again() -> bool:
            trial = self._storage.get_trial(trial_id)
            told = None if trial.values is None else list(trial.values)
            if trial.state == state and (values is None or told == list(values)):
                return True  # nobody else begins or ends trials, since one driver owns the study
            return self._storage.set_trial_state_values(trial_id, state, values)

        return self._try(lambda: self._storage.set_trial_state_values(trial_id, state, values), again)

    # ---- what may be done twice: the same value is written again

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._try(lambda: self._storage.set_study_user_attr(study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._try(lambda: self._storage.set_study_system_attr(study_id, key, value))

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        self._try(lambda: self._storage.set_trial_param(trial_id, param_name, param_value_internal, distribution))

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        self._try(lambda: self._storage.set_trial_intermediate_value(trial_id, step, intermediate_value))

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._try(lambda: self._storage.set_trial_user_attr(trial_id, key, value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._try(lambda: self._storage.set_trial_system_attr(trial_id, key, value))

    # ---- reading

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._try(lambda: self._storage.get_study_id_from_name(study_name))

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._try(lambda: self._storage.get_study_name_from_id(study_id))

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._try(lambda: self._storage.get_study_directions(study_id))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._try(lambda: self._storage.get_study_user_attrs(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._try(lambda: self._storage.get_study_system_attrs(study_id))

    def get_all_studies(self) -> list[FrozenStudy]:
        return self._try(lambda: self._storage.get_all_studies())

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        return self._try(lambda: self._storage.get_trial_id_from_study_id_trial_number(study_id, trial_number))

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._try(lambda: self._storage.get_trial(trial_id))

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return self._try(lambda: self._storage.get_all_trials(study_id, deepcopy, states))

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        return self._try(lambda: self._storage.get_best_trial(study_id))

    def remove_session(self) -> None:
        self._storage.remove_session()
