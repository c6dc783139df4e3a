"""The check that a search space is still the one of the study's earlier trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, check_distribution_compatibility
from optuna.trial import FixedTrial, TrialState

from search.errors import SpaceChanged
from search.start.probe import describe, draw
from search.storage.attributes import SCRIPT
from search.storage.checkpoints import make_folder
from snn.system.usercode import call_user

if TYPE_CHECKING:
    import optuna
    from numpy.random import Generator

    from search.spec.spec import Plan

NOTE = "space.check"  # a file with the hash of the script whose space is being checked
DRAWS = 10  # how often `network(trial)` is tried: what it asks for may depend on what it is given
REMEDY = (
    "change it back, or start another study with --name; a parameter whose choices depend on other parameters needs "
    "a name for each set of choices"
)
KINDS = {"IntDistribution": "a whole number from ", "FloatDistribution": "a number from "}


def check_space(plan: Plan, study: optuna.Study) -> None:
    """Compare what `network(trial)` asks for now with what the study's trials were given.

    It is tried with a few drawn values, if the script has changed since the study began. `Space` finds the rest while
    the search runs. If the function has ended the process in this check, later starts leave the check out: in a trial
    such an end is counted (`search.execution.usercalls`).

    Raises
    ------
    SpaceChanged
        If a parameter is of another kind, or has other choices. It names all that are found.
    """
    from numpy.random import default_rng

    began = study.user_attrs.get(SCRIPT, {}).get("hash")
    known = _known(study)
    if not known or began == plan.script.hash:
        return
    note = plan.location.folder(plan.name) / NOTE
    with suppress(OSError, UnicodeDecodeError):
        if note.read_text(encoding="utf-8") == plan.script.hash:
            return
    random = default_rng(0)
    changed: dict[str, BaseDistribution] = {}
    with _noted(note, plan.script.hash):
        for _ in range(DRAWS):
            trial = _Asked(known, random)
            with suppress(Exception):  # whoever's script fails learns it from the trials
                call_user(plan.network, trial)  # type: ignore[arg-type]  # as much of a trial as a FixedTrial is
            changed |= trial.changed
    if changed:
        raise SpaceChanged(_sentence(changed, known))


@contextmanager
def _noted(note: Path, text: str) -> Iterator[None]:
    """Keep a file while the context lasts. It stays if the process ends in the context."""
    with suppress(OSError):
        make_folder(note.parent)
        note.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        remove_note(note.parent)


def remove_note(folder: Path) -> None:
    """Have later starts check the space again; `folder` is that of the study, and goes if nothing else is in it."""
    for remove in ((folder / NOTE).unlink, folder.rmdir, folder.parent.rmdir):
        with suppress(OSError):
            remove()


class Space:
    """The distributions of a study's parameters, which later trials must keep.

    Parameters
    ----------
    study : optuna.Study
        This process drives it.
    """

    def __init__(self, study: optuna.Study):
        self._study = study
        self._known = _known(study)

    @contextmanager
    def watching(self, trial: optuna.Trial) -> Iterator[None]:
        """While `network(trial)` runs: end the search if it asks for what the study cannot take.

        The trial is then given back, to be asked for again.

        Raises
        ------
        SpaceChanged
            If a parameter is of another kind, or has other choices.
        """
        changed: dict[str, BaseDistribution] = {}
        suggest = trial._suggest

        def checked(name: str, distribution: BaseDistribution) -> Any:
            if not _compatible(self._known.get(name, distribution), distribution):
                changed[name] = distribution
                raise ValueError(f"`{name}` is not what it was in earlier trials")  # as Optuna would, having stored it
            value = suggest(name, distribution)
            self._known.setdefault(name, distribution)
            return value

        trial._suggest = checked  # type: ignore[method-assign]
        try:
            yield
        except Exception:
            if not changed:
                raise
        finally:
            trial._suggest = suggest  # type: ignore[method-assign]
        if changed:
            self._study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
            raise SpaceChanged(_sentence(changed, self._known))


class _Asked(FixedTrial):
    """A trial that draws its values, and notes parameters that have changed."""

    def __init__(self, known: Mapping[str, BaseDistribution], random: Generator):
        super().__init__({})
        self._known = known
        self._random = random
        self.changed: dict[str, BaseDistribution] = {}

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if not _compatible(self._known.get(name, distribution), distribution):
            self.changed[name] = distribution
        self._params.setdefault(name, draw(distribution, self._random))
        return super()._suggest(name, distribution)


def _known(study: optuna.Study) -> dict[str, BaseDistribution]:
    """Each parameter's distribution in the first trial that has it, which is the one that Optuna compares with."""
    known: dict[str, BaseDistribution] = {}
    for trial in study.get_trials(deepcopy=False):
        for name, distribution in trial.distributions.items():
            known.setdefault(name, distribution)
    return known


def _compatible(old: BaseDistribution, new: BaseDistribution) -> bool:
    try:
        check_distribution_compatibility(old, new)
    except ValueError:
        return False
    return True


def _sentence(changed: Mapping[str, BaseDistribution], known: Mapping[str, BaseDistribution]) -> str:
    each = [f"`{name}` was {_words(known[name])} and is now {_words(new)}" for name, new in changed.items()]
    return f"A study keeps the kinds and the choices of its parameters, but {'; '.join(each)}: {REMEDY}."


def _words(distribution: BaseDistribution) -> str:
    if isinstance(distribution, CategoricalDistribution):
        return describe(distribution)
    log = " on a log scale" if getattr(distribution, "log", False) else ""
    return KINDS.get(type(distribution).__name__, "") + describe(distribution) + log
