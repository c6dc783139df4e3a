"""Pruners by name, and the check of a pruner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.errors import StudyError
from search.pruners.base import HALVING, NONE, Everyone, Pruner
from search.pruners.halving import Halving
from search.pruners.optuna import OptunaPruner, _classes, _short, pruner_names
from snn.errors import nearest

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


def problems_with_pruner(pruner: str | BasePruner | None) -> list[str]:
    """Return the problems of a choice of pruner, one sentence each."""
    from optuna.pruners import BasePruner

    if pruner is None or isinstance(pruner, BasePruner):
        return []
    names = pruner_names()
    if isinstance(pruner, str) and _short(pruner) in names:
        return []
    return [
        f"`pruner` must be one of Optuna's or a name, but is {pruner!r}; {nearest(str(pruner), names)}; one that needs "
        "arguments is given as an object, such as optuna.pruners.PercentilePruner(25.0)."
    ]


def make_pruner(pruner: str | BasePruner | None) -> Pruner:
    """The pruner of one start of a search.

    Parameters
    ----------
    pruner : str, optuna.pruners.BasePruner or None
        ``"halving"``, ``"none"`` (or None), the name of one of Optuna's, or an object of Optuna's.

    Raises
    ------
    StudyError
        If it is not known.
    """
    from optuna.pruners import BasePruner, NopPruner

    if problems := problems_with_pruner(pruner):
        raise StudyError(problems)
    if pruner is None or pruner == NONE or isinstance(pruner, NopPruner):
        return Everyone()
    if pruner == HALVING:
        return Halving()
    if isinstance(pruner, BasePruner):
        return OptunaPruner(pruner)
    kinds = {name.removesuffix("Pruner").lower(): kind for name, kind in _classes().items()}
    return OptunaPruner(kinds[_short(pruner)]())
