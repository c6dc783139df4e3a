"""Warm starts: trials of another study, and parameters that the user wants tried first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.errors import StudyError
from search.spec.spec import Plan, StudyReference
from search.start.probe import Probe, misfits
from search.storage.attributes import ENQUEUED, OBJECTIVES, ORIGIN, RESULT, WARM
from search.storage.opening import load, open_storage
from snn.system.paths import shorter

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial


OWN = ("seconds", "builds", "runs", "samples", "rungs", "constraints", "same_as")  # what is the other study's alone


def warm_up(study: optuna.Study, plan: Plan, say: Callable[[str], None]) -> None:
    """Add what `plan.warm_start` and `plan.enqueue` give to a study, once.

    Parameters
    ----------
    study : optuna.Study
        This process drives it.
    plan : Plan
        What is searched.
    say : callable
        Told what was added, and why the rest was not.

    Raises
    ------
    StudyError
        If there is no such other study, or parameters to enqueue do not fit `network(trial)`.
    """
    _enqueue(study, plan)
    if plan.warm_start is None:
        return
    other, source = open_other(plan.warm_start(), plan, study)
    done = study.user_attrs.get(WARM, [])
    if source not in done:
        say(_add(study, plan, other, source))
        study.set_user_attr(WARM, [*done, source])


def _enqueue(study: optuna.Study, plan: Plan) -> None:
    done = study.user_attrs.get(ENQUEUED, [])
    new = [dict(params) for params in plan.enqueue if params not in done]
    if problems := [problem for params in new for problem in misfits(plan, params)]:
        raise StudyError(problems)
    for params in new:
        study.enqueue_trial(params, skip_if_exists=True)  # a driver that was killed here may have begun with it
    if new:
        study.set_user_attr(ENQUEUED, [*done, *new])


def open_other(reference: StudyReference, plan: Plan, study: optuna.Study) -> tuple[optuna.Study, str]:
    """Open the other study; return it and its name in messages.

    Parameters
    ----------
    reference : StudyReference
        Which study it is.
    plan : Plan
        What is searched.
    study : optuna.Study
        The present one, which must be another.
    """
    import optuna

    location, name = reference.location, reference.name
    shown = shorter(reference.shown, plan.script.started_in)
    storage = open_storage(location, create=False)
    if name is None:
        names = optuna.get_all_study_names(storage)
        if len(names) != 1:
            raise StudyError(
                f"A warm start needs one study, but {shown} holds {len(names)}"
                + (f": write {shown}#NAME with one of {', '.join(map(repr, sorted(names)))}." if names else ".")
            )
        name = names[0]
    if name == study.study_name and location.identity == plan.location.identity:
        raise StudyError(f"A warm start needs another study, but {name!r} in {shown} is this one.")
    return load(storage, name, location), shown if name == Path(shown).stem else f"{shown}#{name}"


def _add(study: optuna.Study, plan: Plan, other: optuna.Study, source: str) -> str:
    """Add trials that fit, or enqueue the best of a study whose scores do not compare; what was done."""
    names = [objective.name for objective in plan.objectives]
    known = other.user_attrs.get(OBJECTIVES)
    directions = [direction.name.lower() for direction in other.directions]
    if known != names or directions != [objective.direction for objective in plan.objectives]:
        theirs = ", ".join(map(str, known or directions))
        return _enqueue_best(study, plan, other, f"The objectives of {source} are {theirs}, not {', '.join(names)}")
    complete = [trial for trial in other.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    task, data = plan.task.to_json(), plan.task.data_hash
    own = [trial for trial in complete if trial.user_attrs.get(ORIGIN, {}).get("task") == task]
    if complete and not own:
        return _enqueue_best(study, plan, other, f"The task of {source} is another one")
    same = [trial for trial in own if _data_of(trial) in (data, None)]
    if own and not same:
        return _enqueue_best(study, plan, other, f"The data of {source} are others")
    reasons = Counter({"another task": len(complete) - len(own), "other data": len(own) - len(same)})
    there = set(map(_identity, study.get_trials(deepcopy=False)))  # by a driver that was killed
    added = unknown = 0
    for trial in same:
        probe = Probe(trial.params, trial.number)
        numbers = trial.user_attrs.get(RESULT, {}) | dict(zip(names, trial.values, strict=True))
        missing = [f"`{one.name}` is not known" for one in plan.constraints if numbers.get(one.name) is None]
        if reason := probe.run(plan) or "".join(missing[:1]):
            reasons[reason] += 1
            continue
        added += 1
        unknown += _data_of(trial) is None
        kept = {str(one): one.violation(numbers[one.name]) for one in plan.constraints}
        copy = _copy(trial, probe, f"{other.study_name}#{trial.number}", kept)
        if _identity(copy) not in there:
            study.add_trial(copy)
    old = f", of which {unknown} are of an earlier version that did not store which data they had" if unknown else ""
    return f"{added} of {len(complete)} trials of {source} added{old}" + _left_out(reasons)


def _data_of(trial: FrozenTrial) -> str | None:
    """Hash of the data that a trial ran on; None if it is not known."""
    return trial.user_attrs.get(ORIGIN, {}).get("data")


def _identity(trial: FrozenTrial) -> tuple[Any, ...]:
    """Return a key that distinguishes the trials that were added: studies in two storages may have one name."""
    return trial.user_attrs.get(WARM), *sorted(trial.params.items()), *(trial.values or ())


def _copy(trial: FrozenTrial, probe: Probe, origin: str, constraints: dict[str, float]) -> FrozenTrial:
    """The trial as one of this study, in the present space: its scores, and nothing to run it again with."""
    from optuna.trial import create_trial

    result = {key: value for key, value in trial.user_attrs.get(RESULT, {}).items() if key not in OWN}
    if constraints:
        result["constraints"] = constraints
    return create_trial(
        values=trial.values,
        params=probe.params,
        distributions=probe.distributions,
        user_attrs={WARM: origin, RESULT: result},
        constraints=constraints or None,
    )


def _enqueue_best(study: optuna.Study, plan: Plan, other: optuna.Study, why: str) -> str:
    from search.analysis.trials import front

    best = front(other)
    reasons: Counter[str] = Counter()
    for trial in best:
        probe = Probe(trial.params, trial.number)
        if reason := probe.run(plan):
            reasons[reason] += 1
        else:
            study.enqueue_trial(probe.params, skip_if_exists=True)
    tried = len(best) - reasons.total()
    return f"{why}: no trial is added, and {tried} of its {len(best)} best are tried first" + _left_out(reasons)


def _left_out(reasons: Counter[str]) -> str:
    found = [(reason, times) for reason, times in reasons.most_common() if times]
    if not found:
        return "."
    each = found[0][0] if len(found) == 1 else ", ".join(f"{reason} ({times})" for reason, times in found)
    return f"; {sum(times for _, times in found)} left out: {each}."
