"""The opening of a new or a stored study, after a comparison with its script."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search.errors import StudyError
from search.samplers import make_sampler
from search.spec.seeds import sampler_seed
from search.spec.spec import Plan
from search.storage.attributes import CONSTRAINTS, DATA, ENGINE, GIVEN, IDENTIFIER, OBJECTIVES, SCRIPT, SEED, TASK
from search.storage.identity import new_identifier
from search.storage.location import mask
from search.storage.opening import load, open_storage

if TYPE_CHECKING:
    import optuna

    from search.storage.outages import Patience

REMEDY = "change it back, or start another study with --name"


def begin(plan: Plan, say: Callable[[str], None], patience: Patience | None = None) -> optuna.Study:
    """The study in its storage, new or as it was left.

    Parameters
    ----------
    plan : Plan
        What to search.
    say : callable
        Told what has changed since the study began.
    patience : Patience, optional
        How to wait for a storage that goes away.

    Raises
    ------
    StudyError
        If the study that is there has other objectives, constraints or data, or another seed.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the driver says more, and only once
    storage = open_storage(plan.location, create=True, patience=patience)
    directions = [objective.direction for objective in plan.objectives]
    if plan.name in optuna.get_all_study_names(storage):
        study = load(storage, plan.name, plan.location)
        _compare(study, plan, say)
    else:
        study = optuna.create_study(study_name=plan.name, storage=storage, directions=directions)
    _complete(study, plan)
    choose_sampler(study, plan)
    return study


def choose_sampler(study: optuna.Study, plan: Plan, workers: int = 1) -> None:
    """Give the study the plan's sampler, as it begins with so many workers."""
    seed = sampler_seed(plan.seed, len(study.get_trials(deepcopy=False)))
    study.sampler = make_sampler(plan.sampler, len(plan.objectives), seed, workers, fixed_seed=plan.seed)


def check_objectives(study: optuna.Study, plan: Plan) -> None:
    """Check that a stored study has the objectives of its script.

    Raises
    ------
    StudyError
        If the script has others by now, or in another order.
    """
    names = [objective.name for objective in plan.objectives]
    directions = [direction.name.lower() for direction in study.directions]
    began = study.user_attrs.get(OBJECTIVES)
    if (began or names) != names or directions != [objective.direction for objective in plan.objectives]:
        raise StudyError(
            f"A study keeps its objectives, but {plan.name!r} was begun with {began or directions} and is now asked "
            f"for {names}: {REMEDY}."
        )


def _compare(study: optuna.Study, plan: Plan, say: Callable[[str], None]) -> None:
    check_objectives(study, plan)
    known = study.user_attrs
    asked = [str(one) for one in plan.constraints]
    # A driver that was killed early has not said; what it says last tells whether it has.
    if (began := known.get(CONSTRAINTS, [] if ENGINE in known else asked)) != asked:
        raise StudyError(
            f"A study keeps its constraints, but {plan.name!r} was begun with {began or 'none'} and is now asked for "
            f"{asked or 'none'}: {REMEDY}."
        )
    if known.get(SEED, plan.seed) != plan.seed:
        raise StudyError(
            f"A study keeps its seed, but {plan.name!r} was begun with {known[SEED]} and is now asked for {plan.seed}: "
            f"{REMEDY}."
        )
    _compare_data(known, plan)
    engine = {"backend": plan.backend, "dtype": plan.dtype}
    if known.get(ENGINE, engine) != engine:
        say(
            f"{plan.name!r} was begun with {' and '.join(known[ENGINE].values())}; new trials run with "
            f"{' and '.join(engine.values())}, and the numbers of the two may differ."
        )
    script = known.get(SCRIPT)
    if script is not None and script["hash"] != plan.script.hash:
        now = replace(plan.script, source=plan.location.hide(plan.script.source))
        say(
            f"The script is not what it was when {plan.name!r} began; new trials follow it as it is now:\n"
            + mask(now.changes(script["source"]))
        )
    if known.get(TASK, plan.task.to_json()) != plan.task.to_json():
        say(
            f"The task has changed, so scores of old and new trials of {plan.name!r} do not compare:\n"
            f"- {known[TASK]}\n+ {plan.task.to_json()}"
        )


def _compare_data(known: dict[str, Any], plan: Plan) -> None:
    """A study keeps its data. Those of a study that an earlier version of the package began are not known."""
    if known.get(DATA, plan.task.data_hash) == plan.task.data_hash:
        return
    then, now = known.get(TASK), plan.task.to_json()
    name = plan.task.name
    why = (
        f"{name}.load() or {name}.split() returns other data. Restore the file that {name} reads, or start another "
        "study with --name. If no file has changed, both must return the same data every time"
    )
    if then not in (None, now):
        why = f"the task was {then} and is now {now}: {REMEDY}"
    raise StudyError(
        f"A study keeps its data, but those of {plan.name!r} have changed since it began (hash {known[DATA]}, now "
        f"{plan.task.data_hash}); {why}."
    )


def _complete(study: optuna.Study, plan: Plan) -> None:
    """Write what is not there: all of it, or what a killed driver left out."""
    from optuna.exceptions import ExperimentalWarning

    names = [objective.name for objective in plan.objectives]
    if study.metric_names is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(names)
    wanted = {
        IDENTIFIER: new_identifier(),  # one driver owns the study by now, so that it gets one only
        OBJECTIVES: names,
        CONSTRAINTS: [str(one) for one in plan.constraints],
        SEED: plan.seed,
        SCRIPT: {"hash": plan.script.hash, "source": plan.location.hide(plan.script.source)},
        TASK: plan.task.to_json(),
        DATA: plan.task.data_hash,
        ENGINE: {"backend": plan.backend, "dtype": plan.dtype},
    }
    known = study.user_attrs
    for key, value in wanted.items():
        if key not in known:
            study.set_user_attr(key, value)
    if known.get(GIVEN, {}) != (given := dict(plan.given)):
        study.set_user_attr(GIVEN, given)
