"""Warm starts: what another study has found, and parameters that the user wants tried first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FixedTrial

from search.address import absolute_reference
from search.begin import OBJECTIVES
from search.errors import StudyError
from search.plan import Plan
from search.record import ORIGIN, RESULT, WARM, is_warm
from search.script import Script, fault, load_study
from search.storage import Location, load
from snn.errors import nearest
from snn.paths import shorter
from snn.usercode import call_user

if TYPE_CHECKING:
    import optuna
    from numpy.random import Generator
    from optuna.trial import FrozenTrial

__all__ = ["WARM", "is_warm", "warm_up"]

ENQUEUED = "enqueued"  # user attribute of the study: parameters that were given to try first
DRAWS = 30  # how often `network(trial)` is tried to find out whether it ever asks for a parameter
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
    other, source = open_other(plan.warm_start, plan, study)
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


def open_other(warm_start: Any, plan: Plan, study: optuna.Study) -> tuple[optuna.Study, str]:
    """The other study, and how it is called in sentences.

    Parameters
    ----------
    warm_start : str, path or search.Study
        A script that defines a study, or a storage; `#name` says which of several studies it is.
    plan : Plan
        What is searched.
    study : optuna.Study
        The present one, which must be another.
    """
    import optuna

    from search.study import Study

    name: str | None
    if isinstance(warm_start, Study):
        theirs = warm_start.plan()
        location, name, shown = theirs.location, theirs.name, theirs.location.shown
    else:
        whole = absolute_reference(warm_start)
        text, _, after = whole.rpartition("#")
        text, name = (whole, None) if not text or Path(whole).exists() else (text, after)
        if text.endswith(".py"):
            script = replace(Script.read(text), started_in=plan.script.started_in)
            theirs = load_study(script).plan(script, name=name)
            location, name, shown = theirs.location, theirs.name, text
        else:
            location = Location.of(text, plan.script.folder / plan.script.stem)
            shown = location.shown
    shown = shorter(shown, plan.script.started_in)
    storage = location.open(create=False)
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
    """What tells trials apart that were added: studies in two storages may have one name."""
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
    from search.summary import front

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


class Misfit(Exception):
    """Parameters do not fit the space; its text says which and why."""


class Probe(FixedTrial):
    """A trial with given parameters that finds out what `network(trial)` asks for.

    Parameters
    ----------
    params : mapping
        Parameter -> value.
    number : int
        The trial's.
    fill : numpy.random.Generator, optional
        Draws values for parameters that are asked for and not given; without it they are misfits.
    """

    def __init__(self, params: Mapping[str, Any], number: int = 0, fill: Generator | None = None):
        super().__init__(dict(params), number)
        self._given = dict(params)
        self._fill = fill
        self.misfit = ""
        self.outside: tuple[str, BaseDistribution] | None = None  # a given value that its distribution does not have

    def run(self, plan: Plan) -> str:
        """Build the network; why the parameters do not fit, or nothing if they do."""
        import optuna

        try:
            call_user(plan.network, self)  # type: ignore[arg-type]  # as much of a trial as Optuna's FixedTrial is
        except Misfit:
            pass
        except optuna.TrialPruned:
            self.misfit = self.misfit or "network(trial) prunes them"
        except Exception as error:
            self.misfit = self.misfit or f"network(trial) fails: {fault(error, plan.script)}"
        left = [name for name in self._given if name not in self.params]
        return self.misfit or (f"`{left[0]}` is not asked for any more" if left else "")

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if name not in self._params:
            if self._fill is None:
                raise self._refuse(f"`{name}` is new")
            self._params[name] = draw(distribution, self._fill)
        elif not fits(distribution, self._params[name]):
            self.outside = self.outside or (name, distribution)
            raise self._refuse(f"`{name}` is now {describe(distribution)}")
        self._params[name] = distribution.to_external_repr(distribution.to_internal_repr(self._params[name]))
        return super()._suggest(name, distribution)

    def _refuse(self, why: str) -> Misfit:
        self.misfit = self.misfit or why
        return Misfit(why)


def misfits(plan: Plan, params: Mapping[str, Any]) -> list[str]:
    """What is wrong with parameters to enqueue, some or all of those that `network(trial)` asks for.

    The space is what `network(trial)` asks for, which may depend on the other parameters: it is tried with several
    values of these, and a name that it never asks for is taken for a mistake.
    """
    from numpy.random import default_rng

    random = default_rng(0)
    asked: set[str] = set()
    works = False
    for _ in range(DRAWS):
        probe = Probe(params, fill=random)
        probe.run(plan)
        works = works or not probe.misfit
        asked |= set(probe.distributions)
        if probe.outside is not None:
            name, space = probe.outside
            return [f"`{name}` to enqueue must be {describe(space)}, but is {params[name]!r}."]
        if set(params) <= asked:
            return []
    if not works:
        return [f"`network(trial)` must return a network for what is enqueued, but {probe.misfit}."]
    return [
        f"`network(trial)` must ask for what is enqueued, but never asked for {name!r}; {nearest(name, asked)}."
        for name in params
        if name not in asked
    ]


def fits(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a distribution has a value. A text or True is no number, though Optuna would convert it to one."""
    if isinstance(distribution, CategoricalDistribution):
        if not any(_same(value, option) for option in distribution.choices):
            return False
    elif not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return distribution._contains(distribution.to_internal_repr(value))  # no public form of the question
    except (ValueError, TypeError):
        return False


def _same(value: Any, choice: Any) -> bool:
    """Whether a value is a choice: 1, 1.0 and True are equal to Python, but True is not a number."""
    nan = isinstance(value, float) and isinstance(choice, float) and value != value and choice != choice
    return nan or (isinstance(value, bool) == isinstance(choice, bool) and value == choice)


def draw(distribution: BaseDistribution, random: Generator) -> Any:
    """A value of a distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[random.integers(len(distribution.choices))]
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    value = low + (high - low) * random.random()
    if step := getattr(distribution, "step", None):
        value = low + step * int((value - low) // step)
    return distribution.to_external_repr(value)


def describe(distribution: BaseDistribution) -> str:
    """A distribution in words."""
    if isinstance(distribution, CategoricalDistribution):
        return "one of " + ", ".join(map(repr, distribution.choices))
    step = getattr(distribution, "step", None)
    steps = f" in steps of {step:g}" if step is not None and step != 1 else ""
    return f"{distribution.low:g} to {distribution.high:g}{steps}"  # type: ignore[attr-defined]
